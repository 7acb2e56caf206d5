//! Hashes of numbers that anyone knows: they look random and are not.

use super::number::Base;
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256};

/// A hash function; of a number its decimal digits are hashed, with the newline of `echo` or without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hash {
    function: Function,
    newline: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Function {
    Crc32,
    Md5,
    Sha1,
    Sha256,
}

impl Hash {
    pub(super) const ALL: [Hash; 8] = {
        const fn both(function: Function) -> [Hash; 2] {
            [Hash { function, newline: false }, Hash { function, newline: true }]
        }
        let [a, b] = both(Function::Md5);
        let [c, d] = both(Function::Sha1);
        let [e, f] = both(Function::Sha256);
        let [g, h] = both(Function::Crc32);
        [a, b, c, d, e, f, g, h]
    };

    /// Fewer digits could be anything's.
    pub(super) const SHORTEST: usize = 6;

    /// The first digits of the hash of a number, in lower case.
    pub(super) fn of(self, number: u128, length: usize) -> Vec<u8> {
        let text = format!("{number}{}", if self.newline { "\n" } else { "" });
        let bytes = match self.function {
            Function::Crc32 => crc32fast::hash(text.as_bytes()).to_be_bytes().to_vec(),
            Function::Md5 => Md5::digest(&text).to_vec(),
            Function::Sha1 => Sha1::digest(&text).to_vec(),
            Function::Sha256 => Sha256::digest(&text).to_vec(),
        };
        let mut digits = Vec::with_capacity(2 * bytes.len());
        bytes.iter().for_each(|byte| Base::Hex.write((*byte).into(), Some(2), &mut digits));
        digits.truncate(length);
        digits
    }
}

impl std::fmt::Display for Hash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self.function {
            Function::Crc32 => "crc32",
            Function::Md5 => "md5",
            Function::Sha1 => "sha1",
            Function::Sha256 => "sha256",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_of_the_usual_tools() {
        let named = |name: &str, newline: bool| {
            Hash::ALL.into_iter().find(|h| h.to_string() == name && h.newline == newline).expect("a hash")
        };
        let text = |hash: Hash, number, length| String::from_utf8(hash.of(number, length)).expect("digits");
        assert_eq!(text(named("md5", false), 1, 32), "c4ca4238a0b923820dcc509a6f75849b");
        assert_eq!(text(named("md5", true), 1, 32), "b026324c6904b2a9cb4b88d6d61c81d1");
        assert_eq!(text(named("sha1", false), 1, 8), "356a192b");
        assert_eq!(text(named("sha256", false), 1, 8), "6b86b273");
        assert_eq!(text(named("crc32", false), 1, 8), "83dcefb7");
    }
}
