#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| ipfi_core::fuzzing::compatible(bytes));
