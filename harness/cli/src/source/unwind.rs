//! From the registers and bytes of a stack to the addresses of its frames, by the rules that compilers leave for it.

use super::modules::{Module, Section};
use framehop::x86_64::{CacheX86_64, UnwindRegsX86_64, UnwinderX86_64};
use framehop::{ExplicitModuleSectionInfo, Unwinder};
use linkbait::Stack;
use std::ops::Range;
use std::rc::Rc;

/// More than this and it is a recursion, of which the innermost frames tell enough.
const MOST: usize = 256;

/// Addresses to look up, the innermost first, as far as the stack can be followed.
pub(super) fn addresses(stack: &Stack, modules: &[Module]) -> Vec<u64> {
    let mut unwinder = UnwinderX86_64::new();
    modules.iter().for_each(|module| unwinder.add_module(known(module)));
    let mut cache: CacheX86_64 = CacheX86_64::new();
    let mut word = |address: u64| {
        let from = usize::try_from(address.wrapping_sub(stack.sp)).map_err(drop)?;
        let bytes = stack.bytes.get(from..from.saturating_add(8)).ok_or(())?;
        bytes.try_into().map(u64::from_le_bytes).map_err(drop)
    };
    let start = UnwindRegsX86_64::new(stack.pc, stack.sp, stack.fp);
    let mut frames = unwinder.iter_frames(stack.pc, start, &mut cache, &mut word);
    let mut found = Vec::new();
    while let Ok(Some(frame)) = frames.next() {
        found.push(frame.address_for_lookup());
        if found.len() == MOST {
            break;
        }
    }
    found
}

fn known(module: &Module) -> framehop::Module<Rc<[u8]>> {
    let sections = &module.file;
    let place = |section: &Option<Section>| section.as_ref().map(|(range, _)| range.clone());
    let bytes = |section: &Option<Section>| section.as_ref().map(|(_, bytes)| bytes.clone());
    let range: Range<u64> = module.range.clone();
    let info = ExplicitModuleSectionInfo {
        base_svma: 0,
        text_svma: place(&sections.text),
        text: bytes(&sections.text),
        eh_frame_svma: place(&sections.eh_frame),
        eh_frame: bytes(&sections.eh_frame),
        eh_frame_hdr_svma: place(&sections.eh_frame_hdr),
        eh_frame_hdr: bytes(&sections.eh_frame_hdr),
        got_svma: place(&sections.got),
        ..Default::default()
    };
    framehop::Module::new(module.path.display().to_string(), range, module.bias, info)
}
