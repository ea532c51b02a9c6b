//! A child that is started without its parent's environment still gets the plan, if it is the one that the plan means.

use std::{
    ffi::{CStr, CString},
    os::unix::ffi::OsStringExt as _,
};

use libc::{c_char, c_int, pid_t, posix_spawn_file_actions_t, posix_spawnattr_t};

use crate::plan::field;

type Spawn = unsafe extern "C" fn(
    *mut pid_t,
    *const c_char,
    *const posix_spawn_file_actions_t,
    *const posix_spawnattr_t,
    *const *mut c_char,
    *const *mut c_char,
) -> c_int;

/// # Safety
/// As the function of the C library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn posix_spawnp(
    pid: *mut pid_t,
    file: *const c_char,
    actions: *const posix_spawn_file_actions_t,
    attributes: *const posix_spawnattr_t,
    arguments: *const *mut c_char,
    environment: *const *mut c_char,
) -> c_int {
    // SAFETY: the name is a string of C; what has it next is the real function, of this type.
    let real: Option<Spawn> = unsafe { std::mem::transmute(libc::dlsym(libc::RTLD_NEXT, c"posix_spawnp".as_ptr())) };
    let Some(real) = real else { return libc::ENOSYS };
    // SAFETY: the caller gives lists of strings of C that end with a null.
    let more = unsafe { missing(arguments, environment) };
    let mut given: Vec<*mut c_char> = more.iter().map(|text| text.as_ptr().cast_mut()).collect();
    // SAFETY: as above; the strings of `more` live until the child has its copy.
    unsafe {
        if given.is_empty() {
            return real(pid, file, actions, attributes, arguments, environment);
        }
        given.extend(list(environment));
        given.push(std::ptr::null_mut());
        real(pid, file, actions, attributes, arguments, given.as_ptr())
    }
}

/// What a child's environment lacks of this process's, if the plan means that child.
///
/// # Safety
/// Both are lists of strings of C that end with a null.
unsafe fn missing(arguments: *const *mut c_char, environment: *const *mut c_char) -> Vec<CString> {
    let Some(plan) = std::env::var_os("FAULT_SHIM_PLAN") else { return Vec::new() };
    let text = plan.to_string_lossy();
    let Some(word) = field(&text, "word") else { return Vec::new() };
    // SAFETY: the caller's promise.
    let (arguments, environment) = unsafe { (texts(arguments), texts(environment)) };
    let is_meant = arguments.contains(&word.as_bytes());
    if !is_meant || environment.iter().any(|pair| pair.starts_with(b"FAULT_SHIM_PLAN=")) {
        return Vec::new();
    }
    let own = |name: &str| {
        let value = std::env::var_os(name)?.into_vec();
        CString::new([name.as_bytes(), b"=", &value].concat()).ok()
    };
    ["FAULT_SHIM_PLAN", "LD_PRELOAD"].into_iter().filter_map(own).collect()
}

/// # Safety
/// It is a list of strings of C that ends with a null, and they live as long as the answer.
unsafe fn texts<'a>(all: *const *mut c_char) -> Vec<&'a [u8]> {
    // SAFETY: the caller's promise.
    unsafe { list(all).into_iter().map(|text| CStr::from_ptr(text).to_bytes()).collect() }
}

/// # Safety
/// It is a list that ends with a null, or null itself.
unsafe fn list(all: *const *mut c_char) -> Vec<*mut c_char> {
    let mut found = Vec::new();
    // SAFETY: the caller's promise: what is before the null may be read.
    unsafe {
        while !all.is_null() && !(*all.add(found.len())).is_null() {
            found.push(*all.add(found.len()));
        }
    }
    found
}
