//! Labels: names that mean the same in every run. A name that all recorded runs used stands for itself; any other
//! gets a number in the order of its first use, `<1>`, `<2>`; the digits of our process id become `<pid>`.
//!
//! Labels are printable text: hostile bytes are escaped as `\xNN`, and so are spaces that could be taken for the gap
//! between two columns of a timeline. Used while the victim is held, so nothing here allocates once the buffers are
//! made.

/// What stands for our process id in a name.
pub(crate) const PID: &str = "<pid>";

/// Fresh names that one trial can number.
const MOST_FRESH: usize = 16 * 1024;
const FRESH_BYTES: usize = 512 * 1024;

/// The label book of one victim in one setting.
#[derive(Debug)]
pub(crate) struct Labels {
    known: Vec<Vec<u8>>,
    fresh: Vec<(u32, u32)>,
    bytes: Vec<u8>,
    pid: String,
}

impl Default for Labels {
    fn default() -> Labels {
        Labels {
            known: Vec::new(),
            fresh: Vec::with_capacity(MOST_FRESH),
            bytes: Vec::with_capacity(FRESH_BYTES),
            pid: std::process::id().to_string(),
        }
    }
}

impl Labels {
    /// Declares which names are the same in every run.
    pub(crate) fn know(&mut self, mut names: Vec<Vec<u8>>) {
        names.sort();
        names.dedup();
        self.known = names;
    }

    /// Forgets the fresh names; called between trials.
    pub(crate) fn restart(&mut self) {
        self.fresh.clear();
        self.bytes.clear();
    }

    /// The fresh names of this trial, in order.
    pub(crate) fn fresh(&self) -> impl Iterator<Item = &[u8]> {
        self.fresh.iter().map(|&(start, end)| &self.bytes[start as usize..end as usize])
    }

    /// Appends the label of `path` to `into`.
    pub(crate) fn label(&mut self, path: &[u8], into: &mut Vec<u8>) {
        for (at, name) in path.split(|&b| b == b'/').enumerate() {
            if at > 0 {
                into.push(b'/');
            }
            // The first name is one of ours (`shared`); canaries and the rest of the machine are no names of the victim, unless it
            // makes one of its own there, behind a link.
            let outside = path.starts_with(b"/") || path.starts_with(b"outside/");
            let foreign = outside && !self.fresh().any(|fresh| fresh == name);
            if at == 0 || foreign || self.known.binary_search_by(|k| k.as_slice().cmp(name)).is_ok() {
                self.push_known(name, into);
            } else {
                let number = self.number(name);
                push_number(number, into);
            }
        }
    }

    /// Appends the path that a label stands for now; false when its fresh name has not been seen yet.
    pub(crate) fn resolve(&self, label: &str, into: &mut Vec<u8>) -> bool {
        for (at, name) in label.split('/').enumerate() {
            if at > 0 {
                into.push(b'/');
            }
            let number = name
                .strip_prefix('<')
                .and_then(|n| n.strip_suffix('>'))
                .and_then(|n| n.parse::<usize>().ok());
            match number {
                Some(number) => match self.fresh.get(number.wrapping_sub(1)) {
                    Some(&(start, end)) => {
                        into.extend_from_slice(&self.bytes[start as usize..end as usize]);
                    }
                    None => return false,
                },
                None => self.unescape(name, into),
            }
        }
        true
    }

    fn number(&mut self, name: &[u8]) -> usize {
        if let Some(at) = self.fresh().position(|known| known == name) {
            return at + 1;
        }
        let room = self.bytes.len() + name.len() <= FRESH_BYTES && self.fresh.len() < MOST_FRESH;
        if room {
            let start = self.bytes.len() as u32;
            self.bytes.extend_from_slice(name);
            self.fresh.push((start, self.bytes.len() as u32));
        }
        self.fresh.len()
    }

    fn push_known(&self, name: &[u8], into: &mut Vec<u8>) {
        let pid = self.pid.as_bytes();
        let mut at = 0;
        while at < name.len() {
            let digit_before = at > 0 && name[at - 1].is_ascii_digit();
            let digit_after = name.get(at + pid.len()).is_some_and(u8::is_ascii_digit);
            if name[at..].starts_with(pid) && !digit_before && !digit_after {
                into.extend_from_slice(PID.as_bytes());
                at += pid.len();
            } else {
                push_escaped(name[at], is_gap(name, at), into);
                at += 1;
            }
        }
    }

    fn unescape(&self, name: &str, into: &mut Vec<u8>) {
        let mut rest = name.as_bytes();
        while let Some((&first, tail)) = rest.split_first() {
            let hex =
                rest.strip_prefix(b"\\x").and_then(|r| r.get(..2)).and_then(|h| std::str::from_utf8(h).ok());
            if let Some(byte) = hex.and_then(|h| u8::from_str_radix(h, 16).ok()) {
                into.push(byte);
                rest = &rest[4..];
            } else if let Some(tail) = rest.strip_prefix(PID.as_bytes()) {
                into.extend_from_slice(self.pid.as_bytes());
                rest = tail;
            } else {
                into.push(first);
                rest = tail;
            }
        }
    }
}

fn push_number(number: usize, into: &mut Vec<u8>) {
    let mut digits = [0u8; 8];
    let mut at = digits.len();
    let mut left = number;
    while at == digits.len() || (left > 0 && at > 0) {
        at -= 1;
        digits[at] = b'0' + (left % 10) as u8;
        left /= 10;
    }
    into.push(b'<');
    into.extend_from_slice(&digits[at..]);
    into.push(b'>');
}

/// True for a space that does not stand alone between two other characters.
fn is_gap(name: &[u8], at: usize) -> bool {
    let beside = [at.checked_sub(1).and_then(|before| name.get(before)), name.get(at + 1)];
    name[at] == b' ' && beside.iter().any(|b| matches!(b, None | Some(b' ')))
}

fn push_escaped(byte: u8, is_gap: bool, into: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let plain = !is_gap && matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\' | b'<' | b'>');
    if plain {
        into.push(byte);
    } else {
        into.extend_from_slice(&[b'\\', b'x', HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn label(labels: &mut Labels, path: &[u8]) -> String {
        let mut out = Vec::new();
        labels.label(path, &mut out);
        String::from_utf8(out).expect("labels are text")
    }

    #[test]
    fn known_names_stand_for_themselves_and_others_are_numbered_in_order() {
        let mut labels = Labels::default();
        labels.know(vec![b"app.conf".to_vec()]);
        assert_eq!(label(&mut labels, b"shared/app.conf"), "shared/app.conf");
        assert_eq!(label(&mut labels, b"shared/.tmpAb/x"), "shared/<1>/<2>");
        assert_eq!(label(&mut labels, b"shared/.tmpAb"), "shared/<1>");
        labels.restart();
        assert_eq!(label(&mut labels, b"shared/other"), "shared/<1>");
    }

    #[test]
    fn a_name_of_the_victims_own_has_its_number_behind_a_link_too() {
        let mut labels = Labels::default();
        assert_eq!(label(&mut labels, b"outside/decoy/app.1795984686"), "outside/decoy/app.1795984686");
        assert_eq!(label(&mut labels, b"shared/app.1795984686"), "shared/<1>");
        assert_eq!(label(&mut labels, b"outside/decoy/app.1795984686"), "outside/decoy/<1>");
        assert_eq!(label(&mut labels, b"outside/canary"), "outside/canary");
    }

    #[test]
    fn hostile_names_become_text_and_come_back() {
        let hostile = b"a\"b\\c\n\x1b[31m<1>\xff".to_vec();
        let mut labels = Labels::default();
        labels.know(vec![hostile.clone()]);
        let text = label(&mut labels, &[b"shared/".as_slice(), &hostile].concat());
        assert!(text.bytes().all(|b| matches!(b, b' '..=b'~')), "{text}");
        let mut back = Vec::new();
        assert!(labels.resolve(&text, &mut back));
        assert_eq!(back, [b"shared/".as_slice(), &hostile].concat());
    }

    #[test]
    fn a_process_id_in_a_known_name_is_a_word_of_its_own() {
        let name = format!("app.{}.lock", std::process::id());
        let mut labels = Labels::default();
        labels.know(vec![name.clone().into_bytes()]);
        assert_eq!(label(&mut labels, format!("shared/{name}").as_bytes()), "shared/app.<pid>.lock");
    }
}
