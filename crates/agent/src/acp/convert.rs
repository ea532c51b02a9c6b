//! Turns our words into those of the protocol.

use agent_client_protocol::v1::schema as v1;
use serde_json::Value;

use crate::speech::{
    Choice, ChoiceKind, CommandHint, ConfigCategory, ConfigOption, Modes, PlanEntry, PlanStatus, Priority, Question,
    StopReason, ToolCall, ToolContent, ToolKind, ToolPatch, ToolStatus, Update, Usage,
};

/// An update as it goes out.
pub(super) enum Wire {
    Known(v1::SessionUpdate),
    Raw(Value),
}

pub(super) fn update(update: Update) -> Wire {
    Wire::Known(match update {
        Update::Message { message_id, text } => v1::SessionUpdate::AgentMessageChunk(chunk(message_id, text)),
        Update::Thought { message_id, text } => v1::SessionUpdate::AgentThoughtChunk(chunk(message_id, text)),
        Update::Plan(entries) => v1::SessionUpdate::Plan(v1::Plan::new(entries.into_iter().map(plan_entry).collect())),
        Update::ToolCall(call) => v1::SessionUpdate::ToolCall(tool_call(call)),
        Update::ToolPatch(patch) => v1::SessionUpdate::ToolCallUpdate(tool_patch(patch)),
        Update::Title(title) => v1::SessionUpdate::SessionInfoUpdate(v1::SessionInfoUpdate::new().title(title)),
        Update::Commands(hints) => v1::SessionUpdate::AvailableCommandsUpdate(commands(&hints)),
        Update::Mode(mode) => v1::SessionUpdate::CurrentModeUpdate(v1::CurrentModeUpdate::new(mode)),
        Update::Config(options) => v1::SessionUpdate::ConfigOptionUpdate(v1::ConfigOptionUpdate::new(config(&options))),
        Update::Usage(used) => v1::SessionUpdate::UsageUpdate(usage(used)),
        Update::Raw(value) => return Wire::Raw(value),
    })
}

fn text_block(text: String) -> v1::ContentBlock {
    v1::ContentBlock::Text(v1::TextContent::new(text))
}

fn chunk(message_id: String, text: String) -> v1::ContentChunk {
    v1::ContentChunk::new(text_block(text)).message_id(v1::MessageId::new(message_id))
}

fn plan_entry(entry: PlanEntry) -> v1::PlanEntry {
    let priority = match entry.priority {
        Priority::High => v1::PlanEntryPriority::High,
        Priority::Medium => v1::PlanEntryPriority::Medium,
        Priority::Low => v1::PlanEntryPriority::Low,
    };
    let status = match entry.status {
        PlanStatus::Pending => v1::PlanEntryStatus::Pending,
        PlanStatus::InProgress => v1::PlanEntryStatus::InProgress,
        PlanStatus::Completed => v1::PlanEntryStatus::Completed,
    };
    v1::PlanEntry::new(entry.content, priority, status)
}

fn tool_call(call: ToolCall) -> v1::ToolCall {
    let locations = call
        .locations
        .into_iter()
        .map(|location| v1::ToolCallLocation::new(location.path).line(location.line))
        .collect();
    v1::ToolCall::new(call.id, call.title)
        .kind(tool_kind(call.kind))
        .status(tool_status(call.status))
        .content(call.content.into_iter().map(tool_content).collect())
        .locations(locations)
        .raw_input(call.raw_input)
}

fn tool_patch(patch: ToolPatch) -> v1::ToolCallUpdate {
    let fields = v1::ToolCallUpdateFields::new()
        .title(patch.title)
        .kind(patch.kind.map(tool_kind))
        .status(patch.status.map(tool_status))
        .content(patch.content.map(|content| content.into_iter().map(tool_content).collect::<Vec<_>>()))
        .raw_output(patch.raw_output);
    v1::ToolCallUpdate::new(patch.id, fields)
}

fn tool_content(content: ToolContent) -> v1::ToolCallContent {
    match content {
        ToolContent::Text(text) => v1::ToolCallContent::Content(v1::Content::new(text_block(text))),
        ToolContent::Diff(diff) => {
            v1::ToolCallContent::Diff(v1::Diff::new(diff.path, diff.new_text).old_text(diff.old_text))
        }
    }
}

fn tool_kind(kind: ToolKind) -> v1::ToolKind {
    match kind {
        ToolKind::Read => v1::ToolKind::Read,
        ToolKind::Edit => v1::ToolKind::Edit,
        ToolKind::Delete => v1::ToolKind::Delete,
        ToolKind::Move => v1::ToolKind::Move,
        ToolKind::Search => v1::ToolKind::Search,
        ToolKind::Execute => v1::ToolKind::Execute,
        ToolKind::Think => v1::ToolKind::Think,
        ToolKind::Fetch => v1::ToolKind::Fetch,
        ToolKind::Other => v1::ToolKind::Other,
    }
}

fn tool_status(status: ToolStatus) -> v1::ToolCallStatus {
    match status {
        ToolStatus::Pending => v1::ToolCallStatus::Pending,
        ToolStatus::InProgress => v1::ToolCallStatus::InProgress,
        ToolStatus::Completed => v1::ToolCallStatus::Completed,
        ToolStatus::Failed => v1::ToolCallStatus::Failed,
    }
}

pub(super) fn question(session: &str, question: Question) -> v1::RequestPermissionRequest {
    let mut fields = v1::ToolCallUpdateFields::new()
        .title(question.title)
        .kind(tool_kind(question.kind))
        .status(v1::ToolCallStatus::Pending);
    if !question.content.is_empty() {
        fields = fields.content(question.content.into_iter().map(tool_content).collect::<Vec<_>>());
    }
    let call = v1::ToolCallUpdate::new(question.tool_call_id, fields);
    let options = question.options.into_iter().map(choice).collect();
    v1::RequestPermissionRequest::new(session.to_owned(), call, options)
}

fn choice(choice: Choice) -> v1::PermissionOption {
    let kind = match choice.kind {
        ChoiceKind::AllowOnce => v1::PermissionOptionKind::AllowOnce,
        ChoiceKind::AllowAlways => v1::PermissionOptionKind::AllowAlways,
        ChoiceKind::RejectOnce => v1::PermissionOptionKind::RejectOnce,
        ChoiceKind::RejectAlways => v1::PermissionOptionKind::RejectAlways,
    };
    v1::PermissionOption::new(choice.id, choice.name, kind)
}

pub(super) fn commands(hints: &[CommandHint]) -> v1::AvailableCommandsUpdate {
    let commands = hints
        .iter()
        .map(|hint| {
            let input = hint
                .hint
                .as_ref()
                .map(|words| v1::AvailableCommandInput::Unstructured(v1::UnstructuredCommandInput::new(words.clone())));
            v1::AvailableCommand::new(hint.name.clone(), hint.description.clone()).input(input)
        })
        .collect();
    v1::AvailableCommandsUpdate::new(commands)
}

pub(super) fn config(options: &[ConfigOption]) -> Vec<v1::SessionConfigOption> {
    let category = |category| match category {
        ConfigCategory::Mode => v1::SessionConfigOptionCategory::Mode,
        ConfigCategory::Model => v1::SessionConfigOptionCategory::Model,
        ConfigCategory::ModelConfig => v1::SessionConfigOptionCategory::ModelConfig,
        ConfigCategory::ThoughtLevel => v1::SessionConfigOptionCategory::ThoughtLevel,
    };
    options
        .iter()
        .map(|option| {
            let choices: Vec<v1::SessionConfigSelectOption> = option
                .choices
                .iter()
                .map(|choice| v1::SessionConfigSelectOption::new(choice.value.clone(), choice.name.clone()))
                .collect();
            v1::SessionConfigOption::select(option.id.clone(), option.name.clone(), option.value.clone(), choices)
                .description(option.description.clone())
                .category(option.category.map(category))
        })
        .collect()
}

pub(super) fn modes(modes: &Modes) -> v1::SessionModeState {
    let available = modes
        .available
        .iter()
        .map(|mode| v1::SessionMode::new(mode.id.clone(), mode.name.clone()).description(mode.description.clone()))
        .collect();
    v1::SessionModeState::new(modes.current.clone(), available)
}

fn usage(usage: Usage) -> v1::UsageUpdate {
    let cost = usage.cost.map(|cost| v1::Cost::new(cost.amount, cost.currency));
    v1::UsageUpdate::new(usage.used, usage.size).cost(cost)
}

pub(super) fn stop_reason(reason: StopReason) -> v1::StopReason {
    match reason {
        StopReason::EndTurn => v1::StopReason::EndTurn,
        StopReason::MaxTokens => v1::StopReason::MaxTokens,
        StopReason::MaxTurnRequests => v1::StopReason::MaxTurnRequests,
        StopReason::Refusal => v1::StopReason::Refusal,
        StopReason::Cancelled => v1::StopReason::Cancelled,
    }
}

/// Joins the text of a prompt; links and attachments say nothing to an agent without a model.
pub(super) fn prompt_text(blocks: &[v1::ContentBlock]) -> String {
    let texts: Vec<&str> = blocks
        .iter()
        .filter_map(|block| match block {
            v1::ContentBlock::Text(text) => Some(text.text.as_str()),
            _ => None,
        })
        .collect();
    texts.join("\n")
}
