// How a conversation ends: everything is put back, and what the broker logged is kept.
#include <fmt/format.h>

#include <cstdio>

#include "agents/containers.hpp"
#include "agents/daemon/control_session.hpp"
#include "agents/host/workspace.hpp"
#include "agents/protocol/spawn.hpp"
#include "agents/units.hpp"

namespace troop::agents {

namespace json = boost::json;

asio::awaitable<std::vector<std::string>> ControlSession::put_back() {
  if (put_back_ || !parts_) co_return std::vector<std::string>{};
  put_back_ = true;
  std::vector<std::string> problems;
  co_await revert_what_stays(problems);
  // What is held on a part ends now: its children are ours, and not for whoever reaps the rest.
  std::erase_if(parts_->holdings(), [&](const auto& held) {
    const auto step = steps_.find(held.first);
    return step != steps_.end() && parts_->find(step->second.order.victim) != nullptr;
  });
  auto not_ended = co_await parts_->end_all([this](const KeptLog& log) { keep(log); });
  problems.insert(problems.end(), not_ended.begin(), not_ended.end());
  while (operations_ > 0) co_await pause_for(std::chrono::milliseconds{5});  // they see stopping(), or a dead process
  if (parts_->attached() != nullptr) {
    const auto cleared = co_await parts_->attached()->end();  // only now: nobody declares anything any more
    if (cleared.has_error()) problems.push_back(cleared.error().context);
  }
  send_records();
  for (auto& [number, step] : steps_) {
    if (!step.record || step.unrestored) continue;
    // The victim is gone with all parts of the run, so the fault cannot outlive it; but that is no proof of a recovery.
    notify_fault(step, "stop", "info", monotonic_ns(), "the run's parts were ended");
    if (auto settled = journal_.settle(*step.record); settled.has_error()) problems.push_back(settled.error().context);
    step.record.reset();
  }
  co_return problems;
}

UndoRecord ControlSession::signed_record(const Step& step) const {
  const AttachedPart* attached = parts_->attached();
  const bool is_attached = attached != nullptr && step.order.victim == attached->name();
  auto record = is_attached ? parts_->attached()->fault_record(step.order, parts_->route(), step.undo) : step.undo;
  record.state["run"] = run_directory_;
  if (step.order.period) record.state["for_ns"] = step.order.period->count();
  return record;
}

void ControlSession::end_overdue() {
  const std::int64_t now = monotonic_ns();
  for (auto& [number, step] : steps_) {
    if (put_back_) return;
    if (step.due == 0 || now < step.due || step.busy || !step.record) continue;
    step.due = 0;
    protocol::spawn(io_, end_step(number));
  }
}

asio::awaitable<void> ControlSession::end_step(std::int64_t number) {
  const InOperation counted{operations_};
  json::object request{{"request", "revert"}, {"step", number}};
  auto ended = co_await perform_safely(request);
  if (ended.has_error()) {
    interrupt(fmt::format("step {} is over and could not be ended: {}", number, ended.error().context));
  } else if (const auto doubt = protocol::text_field(ended.value(), "doubt"); doubt.has_value()) {
    interrupt(fmt::format("step {}: {}", number, doubt.value()));
  }
}

asio::awaitable<void> ControlSession::revert_what_stays(std::vector<std::string>& problems) {
  for (auto& [number, step] : steps_) {
    const Part* victim = parts_->find(step.order.victim);
    if (victim != nullptr && victim != parts_->attached()) continue;
    // What is in force on a host is undone at once: an apply that still waits for its proof sees that, and gives up. A
    // container or a unit that was told to stop cannot be told otherwise: it is started once it is down.
    while (step.busy && (victim != nullptr || step.undo.kind == container_kind || step.undo.kind == unit_kind))
      co_await pause_for(std::chrono::milliseconds{5});
    if (!step.record) continue;
    notify_fault(step, "stop", "invoke", monotonic_ns());
    auto proof = co_await step.fault->revert(*parts_, step.order, step.undo.state);
    Result<void> done = success();
    if (proof.has_error()) {
      done = proof.error();
    } else {
      done = journal_.settle(*step.record);
      step.record.reset();
    }
    step.unrestored = proof.has_error();  // its record stays for the next agent
    notify_fault(step, "stop", done.has_error() ? "fail" : "ok", monotonic_ns(),
                 done.has_error() ? done.error().context : std::string{});
    if (done.has_error()) problems.push_back(done.error().context);
  }
}

void ControlSession::keep(const KeptLog& log) {
  if (!ended_) {
    for (std::size_t at = 0; at < log.text.size(); at += protocol::log_piece_bytes_max) {
      const auto piece = std::string_view{log.text}.substr(at, protocol::log_piece_bytes_max);
      channel_->send(protocol::log_frame(log.name, piece));
    }
    return;
  }
  // Nobody listens any more. On this host the run directory is at hand.
  if (run_directory_.empty()) return;
  const auto kept = write_private(std::filesystem::path{run_directory_} / log.name, log.text);
  // Lost evidence, but no harm to the host: not a problem of putting back. Standard error may be on the same full disk.
  if (kept.has_error()) std::fputs("troop-agent: the broker's log could not be kept\n", stderr);
}

}  // namespace troop::agents
