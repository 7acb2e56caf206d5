//! Numbers as names have them: in which digits, how wide, and counting one up as text.

/// The digits of a notation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Base {
    Decimal,
    Hex,
    UpperHex,
    Base36,
    UpperBase36,
    Letters,
}

impl Base {
    /// Those that numbers are written in, the likeliest first.
    pub(super) const NUMBERS: [Base; 5] =
        [Base::Decimal, Base::Hex, Base::UpperHex, Base::Base36, Base::UpperBase36];

    /// Those that are counted in.
    pub(super) const COUNTED: [Base; 6] =
        [Base::Decimal, Base::Hex, Base::UpperHex, Base::Letters, Base::Base36, Base::UpperBase36];

    pub(super) fn digits(self) -> &'static [u8] {
        const LOWER: &[u8] = b"0123456789abcdefghijklmnopqrstuvwxyz";
        const UPPER: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
        match self {
            Base::Decimal => &LOWER[..10],
            Base::Hex => &LOWER[..16],
            Base::UpperHex => &UPPER[..16],
            Base::Base36 => LOWER,
            Base::UpperBase36 => UPPER,
            Base::Letters => &LOWER[10..],
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Base::Decimal => "decimal",
            Base::Hex | Base::UpperHex => "hexadecimal",
            Base::Base36 | Base::UpperBase36 => "base 36",
            Base::Letters => "letters",
        }
    }

    pub(super) fn has(self, byte: u8) -> bool {
        self.digits().contains(&byte)
    }

    fn value_of(self, byte: u8) -> Option<usize> {
        self.digits().iter().position(|digit| *digit == byte)
    }

    /// The number that a text is; `None` when it is none, or too big.
    pub(super) fn read(self, text: &[u8]) -> Option<u128> {
        let base = self.digits().len() as u128;
        let add =
            |number: u128, byte: &u8| number.checked_mul(base)?.checked_add(self.value_of(*byte)? as u128);
        if text.is_empty() { None } else { text.iter().try_fold(0, add) }
    }

    /// Appends a number, padded to `width`.
    pub(super) fn write(self, mut number: u128, width: Option<usize>, into: &mut Vec<u8>) {
        let (start, digits) = (into.len(), self.digits());
        while number > 0 || into.len() - start < width.unwrap_or(1) {
            into.push(digits[(number % digits.len() as u128) as usize]);
            number /= digits.len() as u128;
        }
        into[start..].reverse();
    }

    /// How many numbers have so many digits; `None` when that is beyond counting.
    pub(super) fn count(self, width: usize) -> Option<u128> {
        (self.digits().len() as u128).checked_pow(u32::try_from(width).ok()?)
    }

    /// Adds to the number that `text[from..]` ends with, carrying into the digits before it; all of them are digits. A
    /// number that outgrows its place gets a digit more. Allocates nothing if `text` has room.
    pub(super) fn add(self, text: &mut Vec<u8>, from: usize, step: u64) {
        let digits = self.digits();
        let base = digits.len() as u64;
        let mut carry = step;
        for at in (from..text.len()).rev() {
            let sum = self.value_of(text[at]).unwrap_or(0) as u64 + carry;
            text[at] = digits[(sum % base) as usize];
            carry = sum / base;
            if carry == 0 {
                return;
            }
        }
        while carry > 0 {
            text.insert(from, digits[(carry % base) as usize]);
            carry /= base;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_they_are_written() {
        for base in Base::COUNTED {
            for number in [0, 1, 9, 10, 255, 4711, 1_763_900_000_123_456_789] {
                let mut text = Vec::new();
                base.write(number, None, &mut text);
                assert_eq!(base.read(&text), Some(number), "{base:?}");
            }
        }
        let mut text = b"app.".to_vec();
        Base::Decimal.write(7, Some(3), &mut text);
        assert_eq!(text, b"app.007");
        assert_eq!(Base::Hex.read(&[b'f'; 40]), None);
        assert_eq!((Base::Hex.read(b""), Base::Decimal.read(b"12a")), (None, None));
    }

    #[test]
    fn counting_up_carries_and_grows() {
        for (text, from, step, next) in
            [("a09", 1, 1, "a10"), ("99", 0, 2, "101"), ("x9", 1, 1, "x10"), ("0", 0, 250, "250")]
        {
            let mut counted = text.as_bytes().to_vec();
            Base::Decimal.add(&mut counted, from, step);
            assert_eq!(String::from_utf8_lossy(&counted), next);
        }
        let mut hexadecimal = b"c0ff".to_vec();
        Base::Hex.add(&mut hexadecimal, 0, 1);
        assert_eq!(hexadecimal, b"c100");
    }
}
