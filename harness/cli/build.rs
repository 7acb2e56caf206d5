//! Builds the command anew when a victim file comes or goes, which the compiler alone would not see.

fn main() {
    println!("cargo::rerun-if-changed=../../corpus/victims");
}
