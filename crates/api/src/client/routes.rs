//! One method for each route.

use std::time::Duration;

use convene_core::{
    ids::{ElicitationId, PermissionId, SessionId, ThreadId, TokenId, TurnId},
    view::{PermissionView, QueueEntryView, SessionView, ThreadView},
};
use http::Method;
use serde_json::value::RawValue;

use super::{Client, ClientError, CommandKey, EventStream, EventsQuery, ListStream, SessionsQuery, query::escape};
use crate::body::{
    AgentTest, AgentView, AnswerElicitation, AuditPage, Authenticate, CancelTurn, CreateSession, CreateThread,
    CreateToken, CreatedSession, CreatedThread, CreatedToken, DecidePermission, DeleteSession, DirectoryList,
    EditQueueEntry, ExportFormat, FileChanges, ForkSession, HibernateSession, History, Items, LoginLink, Page,
    PatchSession, PatchThread, PermissionDecidedBody, PromptAccepted, PruneSessions, Pruned, RemoveWorktree,
    RepairSession, RepairedSession, RewindSession, RewoundSession, RotateToken, SendPrompt, ServerStatus,
    SessionHealth, SessionRecap, Shutdown, ShuttingDown, StopSession, TestAgent, TokenView, WorkerView,
    WorktreeRemoved,
};
use crate::{body::ConfigView, doctor::DoctorReport};

/// How long the test of an agent may take: it may have to be downloaded first.
const TEST_WITHIN: Duration = Duration::from_secs(750);

/// How long removing sessions may take: measuring and giving room back is work of the disk.
const PRUNE_WITHIN: Duration = Duration::from_secs(600);

/// For bodies that are left out.
const NONE: Option<&()> = None;

impl Client {
    /// `GET /readyz`
    pub async fn ready(&self) -> Result<ServerStatus, ClientError> {
        self.get("/readyz").await
    }

    /// `GET /v1/status`
    pub async fn status(&self) -> Result<ServerStatus, ClientError> {
        self.get("/v1/status").await
    }

    /// `GET /v1/doctor`
    pub async fn doctor(&self) -> Result<DoctorReport, ClientError> {
        self.get("/v1/doctor").await
    }

    /// `GET /v1/config`
    pub async fn config(&self) -> Result<ConfigView, ClientError> {
        self.get("/v1/config").await
    }

    /// `POST /v1/shutdown`
    pub async fn shutdown(&self, body: &Shutdown, key: &CommandKey) -> Result<ShuttingDown, ClientError> {
        self.change(Method::POST, "/v1/shutdown", Some(body), key).await
    }

    /// `POST /v1/prune`: answers when room is free again.
    pub async fn prune(&self, body: &PruneSessions, key: &CommandKey) -> Result<Pruned, ClientError> {
        self.change_within(PRUNE_WITHIN, Method::POST, "/v1/prune", Some(body), key).await
    }

    /// `GET /v1/sessions/{id}/recap`
    pub async fn recap(&self, id: SessionId, limit: usize) -> Result<SessionRecap, ClientError> {
        self.get(format!("/v1/sessions/{id}/recap?limit={limit}")).await
    }

    /// `POST /v1/login/links`: opens the dashboard in a browser, once.
    pub async fn login_link(&self, key: &CommandKey) -> Result<LoginLink, ClientError> {
        self.change(Method::POST, "/v1/login/links", NONE, key).await
    }

    /// `GET /openapi.json`
    pub async fn openapi(&self) -> Result<serde_json::Value, ClientError> {
        self.get("/openapi.json").await
    }

    /// `GET /v1/sessions`
    pub async fn sessions(&self, query: &SessionsQuery) -> Result<Page<SessionView>, ClientError> {
        self.get(query.to_path()).await
    }

    /// `GET /v1/sessions/{id}`; the server also takes a prefix and the short id.
    pub async fn session(&self, id: &str) -> Result<SessionView, ClientError> {
        self.get(format!("/v1/sessions/{}", escape(id))).await
    }

    /// `POST /v1/sessions`
    pub async fn create_session(&self, body: &CreateSession, key: &CommandKey) -> Result<CreatedSession, ClientError> {
        self.change(Method::POST, "/v1/sessions", Some(body), key).await
    }

    /// `PATCH /v1/sessions/{id}`
    pub async fn patch_session(
        &self,
        id: SessionId,
        body: &PatchSession,
        key: &CommandKey,
    ) -> Result<SessionView, ClientError> {
        self.change(Method::PATCH, format!("/v1/sessions/{id}"), Some(body), key).await
    }

    /// `DELETE /v1/sessions/{id}/worktree`
    pub async fn remove_worktree(
        &self,
        id: SessionId,
        body: &RemoveWorktree,
        key: &CommandKey,
    ) -> Result<WorktreeRemoved, ClientError> {
        self.change(Method::DELETE, format!("/v1/sessions/{id}/worktree"), Some(body), key).await
    }

    /// `DELETE /v1/sessions/{id}`
    pub async fn delete_session(
        &self,
        id: SessionId,
        body: &DeleteSession,
        key: &CommandKey,
    ) -> Result<(), ClientError> {
        self.change(Method::DELETE, format!("/v1/sessions/{id}"), Some(body), key).await.map(drop_body)
    }

    /// `GET /v1/sessions/{id}/changes`
    pub async fn changes(&self, id: SessionId) -> Result<FileChanges, ClientError> {
        self.get(format!("/v1/sessions/{id}/changes")).await
    }

    /// `POST /v1/sessions/{id}/prompts`
    pub async fn prompt(
        &self,
        id: SessionId,
        body: &SendPrompt,
        key: &CommandKey,
    ) -> Result<PromptAccepted, ClientError> {
        self.change(Method::POST, format!("/v1/sessions/{id}/prompts"), Some(body), key).await
    }

    /// `GET /v1/sessions/{id}/queue`
    pub async fn queue(&self, id: SessionId) -> Result<Items<QueueEntryView>, ClientError> {
        self.all(&format!("/v1/sessions/{id}/queue")).await
    }

    /// `PATCH /v1/sessions/{id}/queue/{entry}`
    pub async fn edit_queued(
        &self,
        id: SessionId,
        entry: TurnId,
        body: &EditQueueEntry,
        key: &CommandKey,
    ) -> Result<Items<QueueEntryView>, ClientError> {
        self.change(Method::PATCH, format!("/v1/sessions/{id}/queue/{entry}"), Some(body), key).await
    }

    /// `DELETE /v1/sessions/{id}/queue/{entry}`
    pub async fn drop_queued(&self, id: SessionId, entry: TurnId, key: &CommandKey) -> Result<(), ClientError> {
        self.change(Method::DELETE, format!("/v1/sessions/{id}/queue/{entry}"), NONE, key).await.map(drop_body)
    }

    /// `POST /v1/sessions/{id}/cancel`
    pub async fn cancel(&self, id: SessionId, body: &CancelTurn, key: &CommandKey) -> Result<SessionView, ClientError> {
        self.change(Method::POST, format!("/v1/sessions/{id}/cancel"), Some(body), key).await
    }

    /// `POST /v1/sessions/{id}/stop`
    pub async fn stop(&self, id: SessionId, body: &StopSession, key: &CommandKey) -> Result<SessionView, ClientError> {
        self.change(Method::POST, format!("/v1/sessions/{id}/stop"), Some(body), key).await
    }

    /// `POST /v1/sessions/{id}/resume`
    pub async fn resume(&self, id: SessionId, key: &CommandKey) -> Result<SessionView, ClientError> {
        self.change(Method::POST, format!("/v1/sessions/{id}/resume"), NONE, key).await
    }

    /// `POST /v1/sessions/{id}/hibernate`: whether it does, comes as an event.
    pub async fn hibernate(
        &self,
        id: SessionId,
        body: &HibernateSession,
        key: &CommandKey,
    ) -> Result<SessionView, ClientError> {
        self.change(Method::POST, format!("/v1/sessions/{id}/hibernate"), Some(body), key).await
    }

    /// `POST /v1/sessions/{id}/clear`
    pub async fn clear(&self, id: SessionId, key: &CommandKey) -> Result<SessionView, ClientError> {
        self.change(Method::POST, format!("/v1/sessions/{id}/clear"), NONE, key).await
    }

    /// `POST /v1/sessions/{id}/repair`
    pub async fn repair(
        &self,
        id: SessionId,
        body: &RepairSession,
        key: &CommandKey,
    ) -> Result<RepairedSession, ClientError> {
        self.change(Method::POST, format!("/v1/sessions/{id}/repair"), Some(body), key).await
    }

    /// `POST /v1/sessions/{id}/rewind`
    pub async fn rewind(
        &self,
        id: SessionId,
        body: &RewindSession,
        key: &CommandKey,
    ) -> Result<RewoundSession, ClientError> {
        self.change(Method::POST, format!("/v1/sessions/{id}/rewind"), Some(body), key).await
    }

    /// `POST /v1/sessions/{id}/fork`
    pub async fn fork(
        &self,
        id: SessionId,
        body: &ForkSession,
        key: &CommandKey,
    ) -> Result<CreatedSession, ClientError> {
        self.change(Method::POST, format!("/v1/sessions/{id}/fork"), Some(body), key).await
    }

    /// `POST /v1/sessions/{id}/archive`
    pub async fn archive(&self, id: SessionId, key: &CommandKey) -> Result<SessionView, ClientError> {
        self.change(Method::POST, format!("/v1/sessions/{id}/archive"), NONE, key).await
    }

    /// `POST /v1/sessions/{id}/unarchive`
    pub async fn unarchive(&self, id: SessionId, key: &CommandKey) -> Result<SessionView, ClientError> {
        self.change(Method::POST, format!("/v1/sessions/{id}/unarchive"), NONE, key).await
    }

    /// `GET /v1/sessions/{id}/permissions`
    pub async fn permissions(&self, id: SessionId) -> Result<Items<PermissionView>, ClientError> {
        self.all(&format!("/v1/sessions/{id}/permissions")).await
    }

    /// `POST /v1/sessions/{id}/permissions/{request}`
    pub async fn decide(
        &self,
        id: SessionId,
        request: PermissionId,
        body: &DecidePermission,
        key: &CommandKey,
    ) -> Result<PermissionDecidedBody, ClientError> {
        self.change(Method::POST, format!("/v1/sessions/{id}/permissions/{request}"), Some(body), key).await
    }

    /// `POST /v1/sessions/{id}/elicitations/{request}`
    pub async fn answer(
        &self,
        id: SessionId,
        request: ElicitationId,
        body: &AnswerElicitation,
        key: &CommandKey,
    ) -> Result<SessionView, ClientError> {
        self.change(Method::POST, format!("/v1/sessions/{id}/elicitations/{request}"), Some(body), key).await
    }

    /// `POST /v1/sessions/{id}/authenticate`: what becomes of it comes as an event.
    pub async fn authenticate(
        &self,
        id: SessionId,
        body: &Authenticate,
        key: &CommandKey,
    ) -> Result<SessionView, ClientError> {
        self.change(Method::POST, format!("/v1/sessions/{id}/authenticate"), Some(body), key).await
    }

    /// `GET /v1/sessions/{id}/events`: one page of the log, each event as it is stored.
    pub async fn events(&self, id: SessionId, query: &EventsQuery) -> Result<Page<Box<RawValue>>, ClientError> {
        self.get(query.to_path(&id.to_string())).await
    }

    /// The session's events after a `seq`, then live; nothing is sent before the first one is asked for.
    pub fn follow(&self, id: SessionId, after: u64) -> EventStream {
        EventStream::new(self.clone(), id, after)
    }

    /// Sessions, threads, workers and agents that change after a `pos`, or from now on; each as it is then.
    pub fn follow_list(&self, after: Option<u64>) -> ListStream {
        ListStream::new(self.clone(), after)
    }

    /// `GET /v1/sessions/{id}/history`
    pub async fn history(&self, id: SessionId) -> Result<History, ClientError> {
        self.get(format!("/v1/sessions/{id}/history")).await
    }

    /// `GET /v1/sessions/{id}/health`
    pub async fn health(&self, id: SessionId) -> Result<SessionHealth, ClientError> {
        self.get(format!("/v1/sessions/{id}/health")).await
    }

    /// `GET /v1/sessions/{id}/export`, piece by piece; what `piece` answers ends it, and comes back inside.
    pub async fn export(
        &self,
        id: SessionId,
        format: ExportFormat,
        piece: &mut (dyn FnMut(&[u8]) -> std::io::Result<()> + Send),
    ) -> Result<Result<(), std::io::Error>, ClientError> {
        self.download(format!("/v1/sessions/{id}/export?format={}", format.as_str()), piece).await
    }

    /// `GET /v1/threads`
    pub async fn threads(&self, cursor: Option<&str>) -> Result<Page<ThreadView>, ClientError> {
        let mut query = super::query::Query::new("/v1/threads");
        query.add("cursor", cursor);
        self.get(query.path).await
    }

    /// `GET /v1/threads/{id}`
    pub async fn thread(&self, id: &str) -> Result<ThreadView, ClientError> {
        self.get(format!("/v1/threads/{}", escape(id))).await
    }

    /// `POST /v1/threads`
    pub async fn create_thread(&self, body: &CreateThread, key: &CommandKey) -> Result<CreatedThread, ClientError> {
        self.change(Method::POST, "/v1/threads", Some(body), key).await
    }

    /// `PATCH /v1/threads/{id}`
    pub async fn patch_thread(
        &self,
        id: ThreadId,
        body: &PatchThread,
        key: &CommandKey,
    ) -> Result<ThreadView, ClientError> {
        self.change(Method::PATCH, format!("/v1/threads/{id}"), Some(body), key).await
    }

    /// `DELETE /v1/threads/{id}`
    pub async fn delete_thread(&self, id: ThreadId, key: &CommandKey) -> Result<(), ClientError> {
        self.change(Method::DELETE, format!("/v1/threads/{id}"), NONE, key).await.map(drop_body)
    }

    /// `POST /v1/threads/{id}/prompts`
    pub async fn prompt_thread(
        &self,
        id: ThreadId,
        body: &SendPrompt,
        key: &CommandKey,
    ) -> Result<PromptAccepted, ClientError> {
        self.change(Method::POST, format!("/v1/threads/{id}/prompts"), Some(body), key).await
    }

    /// `GET /v1/agents?refresh=true`: as workers find them when they look anew, which takes seconds.
    pub async fn refreshed_agents(&self) -> Result<Items<AgentView>, ClientError> {
        self.get("/v1/agents?limit=500&refresh=true").await
    }

    /// `GET /v1/agents/{name}`
    pub async fn agent(&self, name: &str) -> Result<AgentView, ClientError> {
        self.get(format!("/v1/agents/{}", escape(name))).await
    }

    /// `POST /v1/agents/{name}/test`: answers when nothing of the agent is left.
    pub async fn test_agent(&self, name: &str, body: &TestAgent, key: &CommandKey) -> Result<AgentTest, ClientError> {
        let path = format!("/v1/agents/{}/test", escape(name));
        self.change_within(TEST_WITHIN, Method::POST, path, Some(body), key).await
    }

    /// `GET /v1/agents`
    pub async fn agents(&self) -> Result<Items<AgentView>, ClientError> {
        self.all("/v1/agents").await
    }

    /// `GET /v1/workers/{worker}/dirs`: directories of a worker's machine whose path begins so.
    pub async fn directories(&self, worker: &str, prefix: &str) -> Result<DirectoryList, ClientError> {
        let mut query = super::query::Query::new(&format!("/v1/workers/{}/dirs", escape(worker)));
        query.add("prefix", Some(prefix));
        self.get(query.path).await
    }

    /// `GET /v1/workers`
    pub async fn workers(&self) -> Result<Items<WorkerView>, ClientError> {
        self.all("/v1/workers").await
    }

    /// `GET /v1/tokens`
    pub async fn tokens(&self) -> Result<Items<TokenView>, ClientError> {
        self.all("/v1/tokens").await
    }

    /// `POST /v1/tokens`
    pub async fn create_token(&self, body: &CreateToken, key: &CommandKey) -> Result<CreatedToken, ClientError> {
        self.change(Method::POST, "/v1/tokens", Some(body), key).await
    }

    /// `POST /v1/tokens/{id}/rotate`
    pub async fn rotate_token(
        &self,
        id: TokenId,
        body: &RotateToken,
        key: &CommandKey,
    ) -> Result<CreatedToken, ClientError> {
        self.change(Method::POST, format!("/v1/tokens/{id}/rotate"), Some(body), key).await
    }

    /// `GET /v1/audit`: the newest lines, at most so many, of one actor and one kind of action if they are named.
    pub async fn audit(
        &self,
        limit: usize,
        actor: Option<&str>,
        action: Option<&str>,
    ) -> Result<AuditPage, ClientError> {
        let mut path = format!("/v1/audit?limit={limit}");
        for (name, value) in [("actor", actor), ("action", action)] {
            if let Some(value) = value {
                path.push_str(&format!("&{name}={}", escape(value)));
            }
        }
        self.get(path).await
    }

    /// `DELETE /v1/tokens/{id}`
    pub async fn revoke_token(&self, id: TokenId, key: &CommandKey) -> Result<(), ClientError> {
        self.change(Method::DELETE, format!("/v1/tokens/{id}"), NONE, key).await.map(drop_body)
    }
}

/// Takes whatever a deletion answers.
fn drop_body(_: serde_json::Value) {}
