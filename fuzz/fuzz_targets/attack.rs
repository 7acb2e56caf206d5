//! Fuzzes [`linkbait_fuzz::attack`].
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| linkbait_fuzz::attack(bytes));
libfuzzer_sys::fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    let own = linkbait_fuzz::mutate_attack(&mut data[..max_size], size, seed);
    own.unwrap_or_else(|| libfuzzer_sys::fuzzer_mutate(data, size, max_size))
});
libfuzzer_sys::fuzz_crossover!(|one: &[u8], other: &[u8], into: &mut [u8], seed: u32| {
    linkbait_fuzz::cross_attacks(one, other, into, seed)
});
