//! Random bytes that follow from a seed, and the pipe that stands in for the random devices.

use rustix::io::Result;
use rustix::pipe::{PipeFlags, pipe_with};
use std::fs::File;
use std::io::Write;
use std::os::fd::OwnedFd;

/// SplitMix64: short, and every seed gives another stream. Nobody is to be kept from guessing it.
#[derive(Clone, Debug)]
pub(crate) struct Stream(u64);

impl Stream {
    pub(crate) fn new(seed: u64) -> Stream {
        Stream(seed)
    }

    pub(crate) fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn fill(&mut self, bytes: &mut [u8]) {
        for part in bytes.chunks_mut(8) {
            part.copy_from_slice(&self.number().to_ne_bytes()[..part.len()]);
        }
    }

    /// A descriptor that this stream can be read from for ever, as from a random device. A file in memory would end
    /// somewhere, which no random device does: a program that asks for the rest would ask for ever.
    pub(crate) fn into_device(mut self) -> Result<OwnedFd> {
        let (reader, writer) = pipe_with(PipeFlags::CLOEXEC)?;
        let mut writer = File::from(writer);
        let feed = move || {
            let mut block = [0; 4096];
            self.fill(&mut block);
            // Fails once nobody can read it any more.
            while writer.write_all(&block).is_ok() {
                self.fill(&mut block);
            }
        };
        let feeder = std::thread::Builder::new().name("random device".into()).spawn(feed);
        feeder.map_err(|_| rustix::io::Errno::AGAIN)?;
        Ok(reader)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn a_device_goes_on_for_longer_than_any_pipe_and_ends_with_its_reader() {
        let read = |seed| {
            let mut device = File::from(Stream::new(seed).into_device().expect("a pipe"));
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
