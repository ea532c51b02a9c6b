//! What the tree below a process takes, as cheaply as a look once a second has to be.

use super::{Error, descendants};

/// What a tree takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Weight {
    /// Processes, those included that wait to be collected.
    pub processes: u32,
    /// Memory that is no file's, in bytes.
    pub memory: u64,
}

/// What is below `root`. With more than `most` processes it stops to look: that is enough to know.
///
/// # Errors
/// If the process table cannot be read.
pub fn weight_below(root: i32, most: u32) -> Result<Weight, Error> {
    let mut weight = Weight::default();
    let mut add = |pid: i32| {
        weight.processes += 1;
        weight.memory = weight.memory.saturating_add(memory(pid));
        weight.processes <= most
    };
    // The kernel tells the children of a process, where it was built to; that needs no look at all of the machine.
    if children(root).is_some() {
        let mut waiting = vec![root];
        while let Some(pid) = waiting.pop() {
            // A process that has gone meanwhile has left its children to one above it: they are met at the next look.
            for child in children(pid).unwrap_or_default() {
                if !add(child) {
                    return Ok(weight);
                }
                waiting.push(child);
            }
        }
        return Ok(weight);
    }
    for process in descendants(root)? {
        if !add(process.pid) {
            break;
        }
    }
    Ok(weight)
}

/// The children of all threads of a process.
fn children(pid: i32) -> Option<Vec<i32>> {
    let mut children = Vec::new();
    for thread in std::fs::read_dir(format!("/proc/{pid}/task")).ok()? {
        let told = std::fs::read_to_string(thread.ok()?.path().join("children")).ok()?;
        children.extend(told.split_ascii_whitespace().filter_map(|child| child.parse::<i32>().ok()));
    }
    Some(children)
}

/// `size resident shared …`, in pages.
fn memory(pid: i32) -> u64 {
    let pages = || {
        let told = std::fs::read_to_string(format!("/proc/{pid}/statm")).ok()?;
        let mut numbers = told.split_ascii_whitespace().skip(1).map_while(|number| number.parse::<u64>().ok());
        let (resident, shared) = (numbers.next()?, numbers.next()?);
        Some(resident.saturating_sub(shared))
    };
    pages().unwrap_or_default().saturating_mul(page_size())
}

fn page_size() -> u64 {
    // SAFETY: it takes a number, keeps nothing, and may be called at any time from any thread.
    #[expect(unsafe_code, reason = "no safe library that is here asks for it")]
    let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    u64::try_from(size).unwrap_or(4096)
}
