//! Looks whether there is room again, as long as nothing can be written.

use convene_store::Reader;
use tokio_util::sync::CancellationToken;

use super::PERIOD;
use crate::engine::Engine;

/// Runs until it is cancelled or the engine has stopped.
pub async fn run<R: Reader>(engine: Engine<R>, cancel: CancellationToken) {
    let mut room = engine.shared().follow_room();
    loop {
        let wait = async {
            if room.wait_for(Option::is_some).await.is_ok() {
                tokio::time::sleep(PERIOD).await;
            }
        };
        tokio::select! {
            () = cancel.cancelled() => return,
            () = engine.stopped() => return,
            () = wait => engine.look_for_room(),
        }
    }
}
