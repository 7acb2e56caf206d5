//! The protocols on the kernel and on the model, judged by the same rules: every broken one is found in both, every repaired
//! one is clean in both, and what is found in one replays in the other.

use linkbait::model::{OFlags, Place, RenameFlags};
use linkbait::timeline::Timeline;
use linkbait::{
    Actor, Ground, Host, Judge, Moment, Report, Scene, Stops, Thing, Verdict, Victim, interleave,
};
use linkbait_races::protocols::{PAIRS, Pair, Run, WALKED, harm};

fn kernel() -> Judge {
    Judge::new(Host::detect())
}

/// False where attackers have our own uid: then who asks for the owner of a file learns nothing, and says so.
fn kernel_knows_owners() -> bool {
    let knows = Host::detect().has_attacker();
    if !knows {
        println!("not checked on the kernel: without a uid of the attacker's own (root) owners tell nothing");
    }
    knows
}

fn model(stops: Stops) -> Judge {
    kernel().on_model(stops)
}

fn judged(judge: &Judge, victim: &Victim) -> Report {
    judge.judge(victim).unwrap_or_else(|e| panic!("{}: {e}", victim.name()))
}

/// What was found, without how it is told.
fn found(report: &Report) -> Vec<(&'static str, String, String)> {
    let mut all: Vec<_> =
        report.findings.iter().map(|f| (f.rule, f.attacker.to_string(), f.path.clone())).collect();
    all.sort();
    all
}

/// What findings tell of the files, but for the directory that is there from the start.
fn scenes(report: &Report) -> Vec<[Vec<&Thing>; 2]> {
    fn told(scene: &Scene) -> Vec<&Thing> {
        scene.things.iter().filter(|thing| thing.path != "shared").collect()
    }
    report.findings.iter().map(|finding| [told(&finding.before), told(&finding.after)]).collect()
}

fn breaks(report: &Report, pair: &Pair) -> bool {
    report.findings.iter().any(|finding| finding.rule == pair.rule && finding.attacker == pair.class)
}

fn timelines(report: &Report) -> String {
    report.findings.iter().map(|finding| finding.timeline.as_str()).collect()
}

#[test]
fn kernel_and_model_find_the_same_in_as_many_trials() {
    if !kernel_knows_owners() {
        return;
    }
    for pair in &PAIRS {
        for victim in pair.victims() {
            let (real, modelled) = (judged(&kernel(), &victim), judged(&model(Stops::Calls), &victim));
            let name = victim.name();
            println!("{name}: {} trials, {} findings", real.trials, real.findings.len());
            assert_eq!(found(&real), found(&modelled), "{name}");
            assert_eq!((real.verdict, real.trials), (modelled.verdict, modelled.trials), "{name}");
            assert_eq!(scenes(&real), scenes(&modelled), "{name}");
        }
    }
}

#[test]
fn faults_kills_and_forgotten_descriptors_come_to_the_same_on_both() {
    let with = |judge: Judge| judge.faults(true).signals(true);
    let forgets = Victim::protocol("forgets", |files| {
        let new = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL;
        let file = files.open(Place::at("app.data"), new, 0o600)?;
        let _ = files.write(file, b"secret\n");
        files.unlink(Place::at("app.data"))
    });
    let ignores = Victim::protocol("ignores", |files| {
        let new = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL;
        let file = files.open(Place::at("app.data"), new, 0o600)?;
        let _ = files.write(file, b"secret\n");
        let _ = files.close(file);
        files.rename(Place::at("app.data"), Place::at("app.out"), RenameFlags::empty())
    });
    for (victim, rule) in [(&forgets, "leaked-descriptor"), (&ignores.keeps("app.out"), "lost-write")] {
        let (real, modelled) = (judged(&with(kernel()), victim), judged(&with(model(Stops::Calls)), victim));
        assert_eq!(found(&real), found(&modelled), "{}", victim.name());
        assert_eq!((real.trials, &real.notes), (modelled.trials, &modelled.notes), "{}", victim.name());
        assert!(real.notes.iter().any(|note| note.starts_with("after SIGKILL")), "{:?}", real.notes);
        assert!(found(&real).iter().any(|(known, ..)| *known == rule), "{:?}", found(&real));
    }
}

#[test]
fn broken_protocols_are_found_and_repaired_ones_are_clean_at_every_name_of_a_path() {
    for pair in &PAIRS {
        let [broken, repaired] = pair.victims().map(|victim| judged(&model(Stops::Names), &victim));
        assert!(breaks(&broken, pair), "{}: {}", pair.name, timelines(&broken));
        assert_eq!(repaired.verdict, Verdict::Pass, "{}: {}", pair.name, timelines(&repaired));
    }
}

#[test]
fn a_window_inside_a_path_walk_is_seen_where_walks_can_be_held_and_nowhere_else() {
    let [broken, repaired] = WALKED.victims();
    let on_kernel = kernel_knows_owners().then(kernel);
    for judge in on_kernel.clone().into_iter().chain([model(Stops::Calls)]) {
        let report = judged(&judge, &broken);
        assert_eq!(report.verdict, Verdict::Pass, "{}", timelines(&report));
    }
    let report = judged(&model(Stops::Names), &broken);
    assert!(breaks(&report, &WALKED), "{:?}", report.verdict);
    let within = report.findings.iter().find(|finding| finding.rule == WALKED.rule);
    let timeline = &within.expect("it was found").timeline;
    assert!(timeline.contains("lookup(\"shared/app.d\")"), "{timeline}");
    for judge in on_kernel.into_iter().chain([model(Stops::Calls), model(Stops::Names)]) {
        let report = judged(&judge, &repaired);
        assert_eq!(report.verdict, Verdict::Pass, "{}", timelines(&report));
    }
}

#[test]
fn a_schedule_found_in_one_world_gives_the_same_finding_in_the_other() {
    let (kernel, model) = (kernel(), model(Stops::Calls));
    for pair in &PAIRS {
        let [broken, _] = pair.victims();
        for (from, to) in [(&kernel, &model), (&model, &kernel)] {
            let report = judged(from, &broken);
            // A prediction is made anew each time, and so has no schedule to repeat.
            for finding in report.findings.iter().filter(|finding| finding.rule != "predictable-name") {
                let file = Timeline::parse(&finding.timeline).expect("a timeline of ours");
                let replay = to.replay(&broken, &file).expect("both worlds can run it");
                assert!(replay.same_findings, "{}\n{}", finding.timeline, replay.timeline);
                assert!(replay.same_steps, "{}\n{}", finding.timeline, replay.timeline);
            }
        }
    }
}

/// How many orders of the steps of protocol and attacker there are, and in how many of them there is harm at any moment.
type Orders = (u64, u64);

fn orders(pair: &'static Pair, run: Run, stops: Stops) -> Orders {
    orders_of_copies(1, pair, run, stops)
}

/// The same with so many copies of the protocol.
fn orders_of_copies(copies: usize, pair: &'static Pair, run: Run, stops: Stops) -> Orders {
    const MOST: u64 = 1_000_000;
    let [victim, _] = pair.victims();
    let mut ground = Ground::of(&victim, pair.class);
    let attacker = ground.model.uid(ground.attacker);
    let victims: Vec<_> = (0..copies).map(|_| ground.another_victim()).collect();
    let mut actors: Vec<Actor> = victims.into_iter().map(|task| Actor::new(task, run)).collect();
    actors.push(Actor::new(ground.attacker, |files| pair.attack(files)));
    let (mut harmful, mut harmed) = (0, false);
    let all = interleave(&ground.model, &actors, stops, MOST, |moment| match moment {
        Moment::Step(now) => harmed |= harm(&ground.model, now, attacker).is_some(),
        Moment::End(_) => harmful += u64::from(std::mem::take(&mut harmed)),
    });
    (all.expect("there are fewer"), harmful)
}

/// By calls the broken protocol and the repaired one, then both by names.
const ORDERS: [(&str, [Orders; 2], [Orders; 2]); 10] = [
    ("create after a check", [(5, 1), (4, 0)], [(5, 1), (4, 0)]),
    ("create by a link", [(5, 1), (5, 0)], [(5, 1), (5, 0)]),
    ("directory of one's own", [(7, 1), (7, 0)], [(9, 1), (9, 0)]),
    ("file below it", [(28, 2), (55, 0)], [(45, 2), (55, 0)]),
    ("write and rename", [(5, 1), (5, 0)], [(5, 1), (5, 0)]),
    ("persist without clobber", [(56, 3), (53, 0)], [(56, 3), (53, 0)]),
    ("stale lock", [(59, 55), (10, 0)], [(59, 55), (10, 0)]),
    ("remove a tree", [(120, 20), (91, 0)], [(300, 27), (91, 0)]),
    ("long-lived file", [(53, 35), (16, 0)], [(53, 35), (16, 0)]),
    ("rename by two paths", [(78, 0), (78, 0)], [(105, 8), (78, 0)]),
];

#[test]
fn harm_comes_of_some_orders_of_the_broken_and_of_none_of_the_repaired() {
    let pairs = PAIRS.iter().chain([&WALKED]);
    assert_eq!(pairs.clone().count(), ORDERS.len());
    for (pair, (name, calls, names)) in pairs.zip(ORDERS) {
        assert_eq!(pair.name, name);
        for (stops, wanted) in [(Stops::Calls, calls), (Stops::Names, names)] {
            let seen = [orders(pair, pair.broken, stops), orders(pair, pair.repaired, stops)];
            println!("{name}, {stops:?}: {} and {} orders", seen[0].0, seen[1].0);
            assert_eq!(seen, wanted, "{name}, {stops:?}");
        }
        assert!(names[0].1 > 0 && names[1].1 == 0, "{name}");
    }
}

#[test]
fn an_exploration_that_does_not_get_through_is_an_error_and_no_result() {
    let pair = &PAIRS[0];
    let [victim, _] = pair.victims();
    let ground = Ground::of(&victim, pair.class);
    let actors =
        [Actor::new(ground.victim, pair.broken), Actor::new(ground.attacker, |files| pair.attack(files))];
    let most = interleave(&ground.model, &actors, Stops::Calls, 4, |_| {});
    assert!(most.is_err_and(|e| e.to_string().contains("orders of the steps")));
}

#[test]
fn an_actor_that_panics_or_never_ends_is_an_error_and_no_result() {
    let [victim, _] = PAIRS[0].victims();
    let mut ground = Ground::of(&victim, PAIRS[0].class);
    let task = ground.another_victim();
    let alone =
        |actor| interleave(&ground.model, &[actor], Stops::Calls, 4, |_| {}).expect_err("not all was run");
    let panics = alone(Actor::new(task, |_| -> () { panic!("as it would on a failed assertion") }));
    assert!(panics.to_string().contains("panicked"), "{panics}");
    let endless = alone(Actor::new(task, |files| {
        loop {
            let _ = files.unlink(Place::at("app.data"));
        }
    }));
    assert!(endless.to_string().contains("steps of the model's processes"), "{endless}");
}

#[test]
fn two_copies_of_a_repaired_protocol_do_no_harm_to_an_attacker_or_by_one() {
    for pair in PAIRS.iter().filter(|pair| pair.rule != "deletes-foreign") {
        let (orders, harmful) = orders_of_copies(2, pair, pair.repaired, Stops::Calls);
        println!("{}: {orders} orders of two copies and an attacker", pair.name);
        assert_eq!(harmful, 0, "{}", pair.name);
    }
}
