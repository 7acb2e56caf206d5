//! Every order in which processes of the model can make their steps. Nothing is left out and nothing told apart: what may
//! happen at the end of each is for the caller to say.

use crate::ending::Ending;
use crate::error::Error;
use crate::model::{Files, Model, Pending, Task};
use crate::victim::Protocol;
use crate::world::model::Stops;
use crate::world::model::runner::{Event, Runner};
use std::sync::Arc;
use std::time::Duration;

/// Time without a call after which a process counts as hung.
const SILENCE: Duration = Duration::from_secs(10);

/// Steps of one order; an actor that never ends would have no last one.
const MOST_STEPS: usize = 100_000;

/// A process of the model and what it does there.
#[derive(Clone)]
pub struct Actor {
    task: Task,
    does: Arc<Protocol>,
}

impl Actor {
    /// It must do the same each time: what it does next may depend on nothing but the answers to its calls.
    pub fn new<R>(task: Task, does: impl Fn(&dyn Files) -> R + Send + Sync + 'static) -> Actor {
        let does = move |files: &dyn Files| {
            does(files);
            Ending::Success
        };
        Actor { task, does: Arc::new(does) }
    }
}

/// An actor on its way.
struct Running {
    task: Task,
    runner: Runner,
    /// The call that is under way; `None` when it is done.
    pending: Option<Pending>,
}

/// What there is to see of an order.
#[derive(Clone, Copy, Debug)]
pub enum Moment<'a> {
    /// A step was made.
    Step(&'a Model),
    /// All are done.
    End(&'a Model),
}

/// A place where several could go on: which did, of how many.
type Choice = (usize, usize);

/// Runs the actors from `model` in every order of their steps, one call or one name of a path each, and shows what comes of
/// each step. Returns how many orders there are.
///
/// # Errors
/// Of kind ours when there are more than `most`, so that not all were tried, when one has more than 100000 steps, when an actor
/// panics, or when it makes no call for ten seconds.
pub fn interleave(
    model: &Model,
    actors: &[Actor],
    stops: Stops,
    most: u64,
    mut each: impl FnMut(Moment<'_>),
) -> Result<u64, Error> {
    let runners: Vec<Runner> = actors.iter().map(|actor| Runner::start(&actor.does)).collect();
    let mut running: Vec<Running> = actors
        .iter()
        .zip(runners)
        .map(|(actor, runner)| Running { task: actor.task, runner, pending: None })
        .collect();
    let mut choices: Vec<Choice> = Vec::new();
    for orders in 1.. {
        if orders > most {
            return Err(Error::limit("orders of the steps of the model's processes"));
        }
        run(model, &mut running, stops, &mut choices, &mut each)?;
        if !advance(&mut choices) {
            return Ok(orders);
        }
    }
    Ok(0)
}

/// Goes to the next order: the last choice that has another way takes it.
fn advance(choices: &mut Vec<Choice>) -> bool {
    while let Some((took, of)) = choices.pop() {
        if took + 1 < of {
            choices.push((took + 1, of));
            return true;
        }
    }
    false
}

/// One order: as chosen up to where nothing has been chosen, then whoever comes first.
fn run(
    model: &Model,
    actors: &mut [Running],
    stops: Stops,
    choices: &mut Vec<Choice>,
    each: &mut impl FnMut(Moment<'_>),
) -> Result<(), Error> {
    let mut model = model.clone();
    for actor in &mut *actors {
        actor.runner.begin();
        actor.arrive(&model)?;
    }
    for at in 0.. {
        let ready: Vec<usize> = (0..actors.len()).filter(|at| actors[*at].pending.is_some()).collect();
        if ready.is_empty() {
            each(Moment::End(&model));
            break;
        }
        if at == MOST_STEPS {
            return Err(Error::limit("steps of the model's processes in one order"));
        }
        if at == choices.len() {
            choices.push((0, ready.len()));
        }
        actors[ready[choices[at].0]].step(&mut model, stops)?;
        each(Moment::Step(&model));
    }
    Ok(())
}

impl Running {
    /// Waits for its next call, or for its end.
    fn arrive(&mut self, model: &Model) -> Result<(), Error> {
        self.pending = match self.runner.next(SILENCE) {
            Some(Event::Call(call)) => Some(model.begin(self.task, call)),
            Some(Event::Ended(Ending::Panic { message, .. })) => {
                return Err(Error::ours("run a process of the model", format!("it panicked: {message}")));
            }
            Some(Event::Ended(_)) => None,
            None => {
                return Err(Error::ours("run a process of the model", "it makes no call and does not end"));
            }
        };
        Ok(())
    }

    fn step(&mut self, model: &mut Model, stops: Stops) -> Result<(), Error> {
        let Some(pending) = &mut self.pending else { return Ok(()) };
        loop {
            match model.step(pending) {
                Some(answer) => {
                    self.runner.answer(answer);
                    return self.arrive(model);
                }
                None if stops == Stops::Names => return Ok(()),
                None => {}
            }
        }
    }
}
