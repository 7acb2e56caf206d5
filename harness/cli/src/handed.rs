//! The options of `run` as arguments again, for a linkbait that judges one of the victims on our behalf.

use crate::args::{Chance, Judging, Printing, ReportFormat};
use clap::ValueEnum;
use std::ffi::OsString;
use std::path::Path;

impl Judging {
    /// What another linkbait is given to judge one victim as we would: the same, but for what concerns all victims.
    pub(crate) fn for_one(&self) -> Judging {
        let printing = Printing {
            require: false,
            verbose: false,
            format: ReportFormat::Json,
            output: None,
            baseline: None,
        };
        Judging {
            shard: None,
            costs: None,
            jobs: Some(1),
            no_progress: true,
            config: None,
            ignores: Vec::new(),
            printing,
            ..self.clone()
        }
    }

    /// Arguments that are read as these options.
    pub(crate) fn to_args(&self) -> Vec<OsString> {
        let mut args = Words::default();
        args.list("--attacker", self.attacker.iter().map(ToString::to_string));
        args.list("--umask", self.umask.iter().map(|umask| format!("{umask:03o}")));
        args.list("--rule", self.rule.iter().cloned());
        args.option("--trials", self.trials);
        args.value("--depth", self.depth);
        args.option("--samples", self.samples);
        args.flag("--no-reduction", self.no_reduction);
        args.list("--fs", self.fs.iter().map(ToString::to_string));
        self.writable.iter().for_each(|dir| args.path("--writable", dir));
        args.flag("--faults", self.faults);
        args.flag("--signals", self.signals);
        args.value("--instances", self.instances);
        args.option("--shard", self.shard);
        self.costs.iter().for_each(|file| args.path("--costs", file));
        args.option("--jobs", self.jobs);
        args.value("--timeout", humantime::format_duration(self.timeout.into()));
        args.chance(self.chance);
        args.value("--persona", name_of(&self.persona));
        args.flag("--no-cache", self.no_cache);
        args.flag("--no-progress", self.no_progress);
        self.config.iter().for_each(|file| args.path("--config", file));
        args.printing(&self.printing);
        args.0
    }
}

fn name_of(value: &impl ValueEnum) -> String {
    value.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}

#[derive(Default)]
struct Words(Vec<OsString>);

impl Words {
    fn flag(&mut self, name: &str, wanted: bool) {
        self.0.extend(wanted.then(|| name.into()));
    }

    fn value(&mut self, name: &str, value: impl ToString) {
        self.0.push(format!("{name}={}", value.to_string()).into());
    }

    /// One that need not be text.
    fn path(&mut self, name: &str, path: &Path) {
        let mut word = OsString::from(format!("{name}="));
        word.push(path);
        self.0.push(word);
    }

    fn option(&mut self, name: &str, value: Option<impl ToString>) {
        value.into_iter().for_each(|value| self.value(name, value));
    }

    fn list(&mut self, name: &str, values: impl Iterator<Item = String>) {
        let values: Vec<String> = values.collect();
        if !values.is_empty() {
            self.value(name, values.join(","));
        }
    }

    fn chance(&mut self, chance: Chance) {
        self.option("--determinism", chance.determinism.map(|level| level.number()));
        self.option("--seed", chance.seed);
    }

    fn printing(&mut self, printing: &Printing) {
        let Printing { require, verbose, format, output, baseline } = printing;
        self.flag("--require", *require);
        self.flag("--verbose", *verbose);
        self.value("--format", name_of(format));
        output.iter().for_each(|file| self.path("--output", file));
        baseline.iter().for_each(|file| self.path("--baseline", file));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Args;
    use clap::Parser;

    fn read(args: &[OsString]) -> Judging {
        let args = std::iter::once(OsString::from("linkbait")).chain(args.iter().cloned());
        Args::try_parse_from(args).expect("arguments").judging
    }

    fn same(judging: &Judging) -> bool {
        // There is nothing in it that Debug leaves out.
        format!("{judging:?}") == format!("{:?}", read(&judging.to_args()))
    }

    #[test]
    fn options_handed_on_are_read_as_they_were() {
        for args in [
            "",
            "--attacker none,dir-writer --umask 077,000 --rule hangs,leftover --depth 2 --faults --signals",
            "--samples 7 --depth 5 --trials 8 --no-reduction --seed 9 --determinism 2 --instances 2 --fs ext4,no-excl",
            "--shard 2/3 --costs before --jobs 4 --timeout 1m30s --persona auditor --no-cache --no-progress --require --verbose",
            "--format phases --output there --baseline before --timeout 1500ms --config mine.toml --writable . --writable ..",
        ] {
            let args: Vec<OsString> = args.split_whitespace().map(Into::into).collect();
            let judging = read(&args);
            assert!(same(&judging), "{args:?} became {:?}", judging.to_args());
        }
    }

    #[test]
    fn what_concerns_all_victims_is_not_handed_on() {
        let whole = read(
            &["--shard", "1/2", "--costs", "y", "--jobs", "8", "--output", "x", "--seed", "3"]
                .map(Into::into),
        );
        let one = whole.for_one();
        assert!(
            one.shard.is_none()
                && one.costs.is_none()
                && one.printing.output.is_none()
                && one.jobs == Some(1)
        );
        assert_eq!(one.chance.seed, Some(3));
    }
}
