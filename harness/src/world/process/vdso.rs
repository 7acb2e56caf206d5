//! The kernel's own code in every program that answers without a call: where its functions begin, and what to put there
//! so that each makes the call after all. x86-64 only.

/// Bytes to be written into an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Patch {
    pub(super) offset: u64,
    pub(super) code: [u8; 8],
}

/// Kind of a section with the symbols that programs look up (`elf.h`).
const SHT_DYNSYM: u64 = 11;

/// The changes to an image; none when it is not understood.
pub(super) fn patches(image: &[u8]) -> Vec<Patch> {
    symbols(image)
        .unwrap_or_default()
        .into_iter()
        .filter_map(|(name, offset)| replace(name, offset))
        .collect()
}

fn replace(name: &[u8], offset: u64) -> Option<Patch> {
    let call: [u8; 4] = match name {
        b"__vdso_clock_gettime" => 228u32,
        b"__vdso_gettimeofday" => 96,
        b"__vdso_time" => 201,
        b"__vdso_getcpu" => 309,
        b"__vdso_clock_getres" => 229,
        b"__vdso_getrandom" => return Some(Patch { offset, code: FAIL }),
        _ => return None,
    }
    .to_le_bytes();
    let [a, b, c, d] = call;
    // mov eax, NUMBER; syscall; ret
    Some(Patch { offset, code: [0xb8, a, b, c, d, 0x0f, 0x05, 0xc3] })
}

/// `mov rax, -ENOSYS; ret`: the C library then makes the call. It keeps a state of its own otherwise.
const FAIL: [u8; 8] = [0x48, 0xc7, 0xc0, 0xda, 0xff, 0xff, 0xff, 0xc3];

/// Names and offsets of the functions of a 64-bit ELF image, as elf(5) has it.
fn symbols(image: &[u8]) -> Option<Vec<(&[u8], u64)>> {
    image.starts_with(b"\x7fELF\x02\x01").then_some(())?;
    let (sections, size) = (number(image, 0x28, 8)?, number(image, 0x3a, 2)?);
    let section = |index: u64| offset(sections, index.checked_mul(size)?);
    let count = number(image, 0x3c, 2)?;
    let field = |header: usize, place: usize, size| number(image, header.checked_add(place)?, size);
    let kind = |index: &u64| section(*index).and_then(|at| field(at, 4, 4)) == Some(SHT_DYNSYM);
    let table = section((0..count).find(kind)?)?;
    let names = field(section(field(table, 0x28, 4)?)?, 0x18, 8)?;
    let (start, length) = (field(table, 0x18, 8)?, field(table, 0x20, 8)?);
    let symbol = |at: u64| {
        let at = offset(start, at.checked_mul(24)?)?;
        let name = image.get(offset(names, number(image, at, 4)?)?..)?;
        let end = name.iter().position(|byte| *byte == 0)?;
        Some((&name[..end], field(at, 8, 8)?))
    };
    (0..length / 24).map(symbol).collect()
}

/// A place that far behind another.
fn offset(start: u64, further: u64) -> Option<usize> {
    usize::try_from(start.checked_add(further)?).ok()
}

/// A little-endian number of so many bytes.
fn number(image: &[u8], at: usize, size: usize) -> Option<u64> {
    let bytes = image.get(at..at.checked_add(size)?)?;
    Some(bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use super::*;
    use crate::sys::memory;

    /// The image in this process.
    fn own() -> Vec<u8> {
        let auxiliary = std::fs::read("/proc/self/auxv").expect("procfs");
        let word = |bytes: &[u8]| number(bytes, 0, 8).expect("a word");
        let pair = auxiliary.chunks_exact(16).find(|pair| word(pair) == 33).expect("a vDSO");
        let mut image = vec![0; 64 * 1024];
        let length = memory::read(std::process::id(), word(&pair[8..]), &mut image).expect("memory");
        image.truncate(length);
        image
    }

    #[test]
    fn every_clock_of_this_kernel_is_found_each_at_a_place_of_its_own() {
        let mut found = patches(&own());
        assert!(found.len() >= 4, "{found:?}");
        found.sort_by_key(|patch| patch.offset);
        assert!(found.windows(2).all(|pair| pair[0].offset + 8 <= pair[1].offset), "{found:?}");
    }

    #[test]
    fn a_damaged_image_has_no_functions() {
        let image = own();
        assert!(patches(&image[..100]).is_empty() && patches(b"").is_empty());
        let wild: Vec<u8> = image.iter().enumerate().map(|(at, b)| if at < 6 { *b } else { 0xff }).collect();
        assert!(patches(&wild).is_empty());
    }
}
