//! What people and programs see of the commands, with and without a server: help, output, exit codes, the doctor,
//! the configuration, completion, exports.

mod completion;
mod config;
mod doctor;
mod export;
mod help;
mod home;
mod ids;
mod output;
