//! The pipe that stands in for the random devices.

use crate::stream::Stream;
use rustix::io::Result;
use rustix::pipe::{PipeFlags, pipe_with};
use std::fs::File;
use std::io::Write;
use std::os::fd::OwnedFd;

/// A descriptor that a stream can be read from for ever, as from a random device. A file in memory would end
/// somewhere, which no random device does: a program that asks for the rest would ask for ever.
pub(super) fn device(mut stream: Stream) -> Result<OwnedFd> {
    let (reader, writer) = pipe_with(PipeFlags::CLOEXEC)?;
    let mut writer = File::from(writer);
    let feed = move || {
        let mut block = [0; 4096];
        stream.fill(&mut block);
        // Fails once nobody can read it any more.
        while writer.write_all(&block).is_ok() {
            stream.fill(&mut block);
        }
    };
    let feeder = std::thread::Builder::new().name("random device".into()).spawn(feed);
    feeder.map_err(|_| rustix::io::Errno::AGAIN)?;
    Ok(reader)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn a_device_goes_on_for_longer_than_any_pipe_and_ends_with_its_reader() {
        let read = |seed| {
            let mut device = File::from(device(Stream::new(seed)).expect("a pipe"));
            let mut bytes = vec![0; 1 << 20];
            device.read_exact(&mut bytes).expect("it never ends");
            bytes
        };
        let (first, again, other) = (read(7), read(7), read(8));
        assert_eq!(first, again);
        assert_ne!(first, other);
        assert_ne!(first[..4096], first[4096..8192]);
    }
}
