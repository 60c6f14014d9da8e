#include "agents/daemon/attached_part.hpp"

#include <fmt/format.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <csignal>
#include <functional>

#include "agents/fault.hpp"
#include "agents/host/elsewhere.hpp"
#include "agents/protocol/fields.hpp"
#include "agents/protocol/spawn.hpp"
#include "common/ids.hpp"

namespace troop::agents {
namespace json = boost::json;
namespace {

Error no_way() { return {ErrorKind::usage, "nothing here can stop or start the attached broker"}; }

constexpr Duration answer_max = std::chrono::milliseconds{500};
constexpr Duration check_max = std::chrono::seconds{5};
constexpr Duration look_interval = std::chrono::milliseconds{20};
constexpr Duration down_max = std::chrono::seconds{20};
constexpr Duration silent_max = std::chrono::seconds{5};

constexpr const char* vhost_kind = "attached-vhost";
constexpr const char* fault_kind = "attached-fault";

json::array list(const std::vector<std::string>& names) { return json::array(names.begin(), names.end()); }

std::vector<std::string> texts(const json::value* listed) {
  std::vector<std::string> out;
  if (listed == nullptr || !listed->is_array()) return out;
  for (const auto& each : listed->get_array()) {
    if (each.is_string()) out.emplace_back(each.get_string());
  }
  return out;
}

/// What is left of a run whose agent died: the broker, and nobody else.
class AbandonedParts : public Parts {
 public:
  AbandonedParts(AttachedPart& broker, WorkloadRoute route) : broker_(broker), route_(std::move(route)) {}
  Part* find(std::string_view name) override { return name == broker_.name() ? &broker_ : nullptr; }
  BrokerControl* broker_control() override { return &broker_.broker().control(); }
  [[nodiscard]] WorkloadRoute route() const override { return route_; }

 private:
  AttachedPart& broker_;
  WorkloadRoute route_;
};

asio::awaitable<void> keep_result(asio::awaitable<Result<void>> work, std::optional<Result<void>>& out) {
  out.emplace(co_await std::move(work));
}

Result<void> run_to_end(asio::awaitable<Result<void>> work) {
  asio::io_context io{1};
  std::optional<Result<void>> result;
  protocol::spawn(io, keep_result(std::move(work), result));
  io.run();
  if (!result) return Error{ErrorKind::unrestored, "the undoing of an attached broker ended early"};
  return std::move(*result);
}

asio::awaitable<Result<void>> undo_fault(AbandonedParts& parts, const Fault& fault, const protocol::StepOrder& order,
                                         const json::object& seen) {
  BOOST_OUTCOME_CO_TRY(co_await fault.revert(parts, order, seen));
  co_return success();
}

std::string text(const UndoRecord& record, std::string_view name) {
  const auto* found = record.state.if_contains(name);
  return found != nullptr && found->is_string() ? std::string{found->get_string()} : std::string{};
}

const json::value& field(const UndoRecord& record, std::string_view name) {
  static const json::value nothing;
  const auto* found = record.state.if_contains(name);
  return found == nullptr ? nothing : *found;
}

Result<void> pay(const UndoRecord& record) {
  const bool never = false;
  BOOST_OUTCOME_TRY(const auto wanted, protocol::broker_from_json(field(record, "broker")));
  const model::WorkloadNames names{texts(record.state.if_contains("exchanges")),
                                   texts(record.state.if_contains("queues"))};
  BOOST_OUTCOME_TRY(const auto part, AttachedPart::create(wanted, names, never, text(record, "mark")));
  if (record.kind == vhost_kind) return run_to_end(part->broker().vhost().clear());
  BOOST_OUTCOME_TRY(const auto order, protocol::step_from_json(field(record, "order")));
  const Fault* fault = find_fault(order.fault);
  if (fault == nullptr || !field(record, "seen").is_object()) {
    return Error{ErrorKind::unrestored, "the record of a fault that is not known: " + order.fault};
  }
  AbandonedParts parts{*part, {text(record, "queue"), text(record, "exchange")}};
  return run_to_end(undo_fault(parts, *fault, order, field(record, "seen").get_object()));
}

}  // namespace

AttachedPart::AttachedPart(const model::Broker& wanted, const model::WorkloadNames& names, std::string mark)
    : wanted_(wanted), names_(names), mark_(std::move(mark)) {}

Result<std::unique_ptr<AttachedPart>> AttachedPart::create(const model::Broker& wanted,
                                                           const model::WorkloadNames& names, const bool& stopping,
                                                           std::string mark) {
  std::unique_ptr<AttachedPart> part{new AttachedPart{wanted, names, std::move(mark)}};
  BOOST_OUTCOME_TRY(part->broker_, AttachedBroker::create(wanted, names, part->mark_, stopping));
  part->server_ = server_control(wanted.attach->control);
  return part;
}

asio::awaitable<Result<Proof>> AttachedPart::ready() {
  const std::int64_t asked = monotonic_ns();
  BOOST_OUTCOME_CO_TRY(co_await broker_->ready());
  const std::int64_t now = monotonic_ns();
  co_return Proof{
      now, fmt::format("AMQP answered on port {} after {} ms", broker_->address().port, (now - asked) / 1'000'000)};
}

asio::awaitable<Result<void>> AttachedPart::check() {
  BOOST_OUTCOME_CO_TRY(co_await broker_->vhost().check());
  const std::function<Result<void>()> look = [address = broker_->address()] { return check_tls(address, check_max); };
  co_return co_await elsewhere(look);
}

asio::awaitable<Result<void>> AttachedPart::open(UndoJournal& journal) {
  BOOST_OUTCOME_CO_TRY(co_await check());
  UndoRecord owed{vhost_kind, {{"mark", mark_}}};
  owed.state["broker"] = protocol::to_json(wanted_);
  owed.state["exchanges"] = list(names_.exchanges);
  owed.state["queues"] = list(names_.queues);
  BOOST_OUTCOME_CO_TRY(record_, journal.append(owed));
  journal_ = &journal;
  co_return co_await broker_->vhost().open();
}

asio::awaitable<Result<void>> AttachedPart::end() {
  if (!record_) co_return success();
  BOOST_OUTCOME_CO_TRY(co_await broker_->vhost().clear());
  const std::int64_t record = *record_;
  record_.reset();
  co_return journal_->settle(record);
}

UndoRecord AttachedPart::fault_record(const protocol::StepOrder& order, const WorkloadRoute& route,
                                      const UndoRecord& seen) const {
  UndoRecord record{fault_kind, {{"mark", mark_}, {"queue", route.queue}, {"exchange", route.exchange}}};
  record.state["broker"] = protocol::to_json(wanted_);
  record.state["order"] = protocol::to_json(order);
  record.state["seen"] = seen.state;
  return record;
}

asio::awaitable<Result<void>> AttachedPart::check_step(const protocol::StepOrder& order) {
  using Action = ServerControl::Action;
  if (!model::acts_on_server(order.fault)) co_return success();
  if (!server_) co_return no_way();
  const bool pauses = order.fault == "broker.pause", kills = order.fault == "broker.kill";
  BOOST_OUTCOME_CO_TRY(co_await server_->check(pauses ? Action::pause : kills ? Action::kill : Action::stop));
  co_return co_await server_->check(pauses ? Action::resume : Action::start);
}

asio::awaitable<Result<void>> AttachedPart::act(ServerControl::Action action) {
  if (!server_) co_return no_way();
  co_return co_await server_->act(action);
}

asio::awaitable<Result<Proof>> AttachedPart::answers(AmqpAnswer wanted, Duration timeout, std::string what) {
  const std::int64_t asked = monotonic_ns();
  const AmqpAddress& address = broker_->address();
  while (monotonic_ns() < asked + timeout.count()) {
    const AmqpAnswer answer = co_await ask_amqp(address, answer_max);
    const std::int64_t now = monotonic_ns();
    if (answer == wanted) {
      co_return Proof{now, fmt::format("port {} {} after {} ms", address.port, what, (now - asked) / 1'000'000)};
    }
    co_await pause_for(look_interval);
  }
  co_return Error{ErrorKind::timeout, fmt::format("port {} of the attached broker never {}", address.port, what)};
}

asio::awaitable<Result<Proof>> AttachedPart::take_down(int signal_number) {
  BOOST_OUTCOME_CO_TRY(
      co_await act(signal_number == SIGKILL ? ServerControl::Action::kill : ServerControl::Action::stop));
  co_return co_await answers(AmqpAnswer::refused, down_max, "refused AMQP");
}

asio::awaitable<Result<Proof>> AttachedPart::pause() {
  BOOST_OUTCOME_CO_TRY(co_await act(ServerControl::Action::pause));
  co_return co_await answers(AmqpAnswer::silent, silent_max, "was silent");
}

asio::awaitable<Result<Proof>> AttachedPart::go_on() {
  const auto asked = co_await act(ServerControl::Action::resume);  // an error where it is not paused, perhaps
  auto proof = co_await ready();
  if (proof.has_error() && asked.has_error()) co_return Error{ErrorKind::unrestored, asked.error().context};
  co_return proof;
}

asio::awaitable<Result<Proof>> AttachedPart::bring_back() {
  const AmqpAnswer answer = co_await ask_amqp(broker_->address(), answer_max);
  if (answer != AmqpAnswer::ready) {
    const auto started = co_await act(ServerControl::Action::start);
    if (started.has_error()) co_return Error{ErrorKind::unrestored, started.error().context};
  }
  co_return co_await ready();
}

std::optional<Result<void>> pay_for_attached(const UndoRecord& record) {
  if (record.kind != vhost_kind && record.kind != fault_kind) return std::nullopt;
  auto paid = pay(record);
  if (paid.has_error()) return Error{ErrorKind::unrestored, paid.error().context};
  return paid;
}

}  // namespace troop::agents
