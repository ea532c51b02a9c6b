//! Shows that our own process can be read.

use super::*;

fn own() -> i32 {
    std::process::id().cast_signed()
}

#[test]
fn cpu_of_a_living_process_grows_with_its_work() {
    let before = cpu(own()).unwrap();
    let mut sum = 0_u64;
    while cpu(own()).unwrap() < before + Duration::from_millis(2) {
        sum = std::hint::black_box(sum + 1);
    }
    assert!(cpu(own()).unwrap() > before);
    assert!(cpu_with_children(own()).unwrap() + Duration::from_millis(20) > cpu(own()).unwrap());
    assert_eq!(parent(own()).unwrap(), std::os::unix::process::parent_id().cast_signed());
    assert_eq!(cpu_of(&[4_194_305]), Duration::ZERO, "the kernel gives out no such id");
}

#[test]
fn memory_is_read_from_the_rollup() {
    let text = "Rss:    2048 kB\nPss: 5 kB\nPrivate_Clean:   3 kB\nPrivate_Dirty:  4 kB\nAnonymous: 6 kB\n";
    assert_eq!(read_rollup(text), Memory { resident: 2 << 20, anonymous: 6 << 10, private: 7 << 10 });
    let memory = memory(own()).unwrap();
    assert!(memory.resident > memory.anonymous && memory.anonymous > 0);
    assert!(peak(own()).unwrap() >= memory.resident / 2);
    assert!(runs(own(), &std::env::current_exe().unwrap()));
}
