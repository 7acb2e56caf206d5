//! What a stop and a trial cost, and what luck would have found. `cargo bench --bench engine` prints criterion's figures
//! and then one table in which everything is compared with what was measured in turn with it, in the same run.
//!
//! Compare figures of one run only: machines differ, and one machine differs from minute to minute.

mod floor;
mod luck;
mod programs;
mod stops;
mod table;
mod trials;
mod turns;

use criterion::Criterion;
use linkbait::{Error, Host};
use std::time::Duration;
use table::Table;

fn main() -> Result<(), Error> {
    let host = Host::detect();
    let mut table = Table::default();
    stops::measure(&host, &mut table)?;
    trials::measure(&host, &mut table)?;
    programs::measure(&host, &mut table)?;
    let races = luck::measure(&host)?;
    println!("\n{} on {}, kernel {}\n", host.file_system(), host.place().display(), host.kernel());
    println!("{table}\n{races}");
    Ok(())
}

/// Engines pin their threads, so criterion is set up anew on each.
fn criterion() -> Criterion {
    Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(100))
        .measurement_time(Duration::from_millis(400))
        .configure_from_args()
}
