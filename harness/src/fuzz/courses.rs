//! Schedules in the making: each plan chooses from what the victim does after the acts before it, which is found out by trying and
//! kept.

use super::plan::{Course, Plan};
use crate::error::Error;
use crate::judge::Session;
use crate::schedule::{Act, Schedule};
use std::collections::HashMap;
use std::rc::Rc;

/// Courses that are kept at most; then all of them are found out anew.
const MOST_KEPT: usize = 512;

/// The courses of one victim in one session, by the acts that lead there; none where they cannot all happen.
#[derive(Debug, Default)]
pub struct Courses(HashMap<Vec<Act>, Option<Rc<Course>>>);

impl Courses {
    /// The schedule that plans come to. A plan whose act cannot happen is left out, if there are plans behind it.
    ///
    /// # Errors
    /// As [`Session::run`].
    pub fn schedule(&mut self, plans: &[Plan], session: &mut Session<'_>) -> Result<Schedule, Error> {
        let mut schedule = Schedule::default();
        for plan in plans {
            while self.after(&schedule.acts, session)?.is_none() {
                schedule.acts.pop();
            }
            let course = self.after(&schedule.acts, session)?;
            schedule.acts.extend(course.and_then(|course| course.act(*plan, session.class())));
        }
        Ok(schedule)
    }

    fn after(&mut self, acts: &[Act], session: &mut Session<'_>) -> Result<Option<Rc<Course>>, Error> {
        if let Some(known) = self.0.get(acts) {
            return Ok(known.clone());
        }
        if self.0.len() >= MOST_KEPT {
            self.0.clear();
        }
        let found = match acts {
            [] => Some((session.stops(), session.names_besides(), session.faults())),
            _ => session.try_out(acts)?.then(|| session.shows()),
        };
        let course = found.map(|(stops, besides, faults)| Rc::new(Course::new(stops, besides, faults, acts)));
        self.0.insert(acts.to_vec(), course.clone());
        Ok(course)
    }
}
