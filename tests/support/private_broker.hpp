// A real RabbitMQ for one test program: private folder and ports, dies with the program, leaves nothing behind.
#pragma once

#include <signal.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <exception>
#include <fstream>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "agents/host/tcp.hpp"
#include "agents/host/workspace.hpp"
#include "agents/rabbitmq/broker.hpp"
#include "agents/rabbitmq/client.hpp"
#include "tests/support/private_ca.hpp"

namespace troop::test {

using namespace std::chrono_literals;

/// Runs a coroutine to its end on this thread.
inline Result<void> run_to_end(boost::asio::awaitable<Result<void>> work) {
  boost::asio::io_context context;
  std::optional<Result<void>> result;
  const auto root = [](boost::asio::awaitable<Result<void>> inner,
                       std::optional<Result<void>>& out) -> boost::asio::awaitable<void> {
    out.emplace(co_await std::move(inner));
  };
  boost::asio::co_spawn(context, root(std::move(work), result), [](const std::exception_ptr& failure) {
    if (failure) std::rethrow_exception(failure);
  });
  context.run();
  return std::move(*result);
}

class PrivateBroker {
 public:
  /// Starts it and waits until it answers, a minute at most.
  static Result<std::unique_ptr<PrivateBroker>> start() { return start(false, nullptr); }
  /// The same with its management API, which answers a little later; with `tls`, both are there over TLS too.
  static Result<std::unique_ptr<PrivateBroker>> start_with_management(const ServerFiles* tls = nullptr) {
    return start(true, tls);
  }
  [[nodiscard]] std::uint16_t management_port() const { return management_port_; }
  [[nodiscard]] std::uint16_t tls_port() const { return tls_port_; }
  [[nodiscard]] std::uint16_t management_tls_port() const { return management_tls_port_; }

 private:
  static Result<std::unique_ptr<PrivateBroker>> start(bool management, const ServerFiles* tls) {
    auto broker = std::make_unique<PrivateBroker>();
    BOOST_OUTCOME_TRYV(agents::ManagedBroker::check({}));
    BOOST_OUTCOME_TRY(auto folder, agents::Workspace::choose());
    BOOST_OUTCOME_TRY(broker->workspace_, agents::Workspace::create(folder));
    broker->broker_ = std::make_unique<agents::ManagedBroker>(model::Broker{}, folder, broker->stopping_);
    BOOST_OUTCOME_TRY(const auto secrets, agents::fresh_secrets(model::Broker{}));
    BOOST_OUTCOME_TRYV(broker->broker_->configure(secrets));
    broker->node_ = {
        .name = "troop@localhost", .epmd_port = secrets.epmd_port, .home = folder / "home", .scratch = folder};
    if (management) {
      BOOST_OUTCOME_TRY(broker->management_port_, agents::pick_port());
      std::ofstream{folder / "enabled_plugins"} << "[rabbitmq_management].\n";
      std::ofstream{folder / "rabbitmq.conf", std::ios::app}
          << "management.tcp.ip = 127.0.0.1\nmanagement.tcp.port = " << broker->management_port_ << '\n';
    }
    if (tls != nullptr) {
      BOOST_OUTCOME_TRYV(broker->listen_over_tls(folder / "rabbitmq.conf", *tls));
    }
    BOOST_OUTCOME_TRYV(broker->broker_->spawn());
    BOOST_OUTCOME_TRYV(broker->await_ready());
    return broker;
  }
  Result<void> listen_over_tls(const std::filesystem::path& configuration, const ServerFiles& files) {
    BOOST_OUTCOME_TRY(tls_port_, agents::pick_port());
    BOOST_OUTCOME_TRY(management_tls_port_, agents::pick_port());
    std::ofstream out{configuration, std::ios::app};
    out << "listeners.ssl.1 = 127.0.0.1:" << tls_port_ << "\nssl_options.verify = verify_none\n"
        << "management.ssl.ip = 127.0.0.1\nmanagement.ssl.port = " << management_tls_port_ << '\n';
    for (const char* part : {"ssl_options", "management.ssl"}) {
      out << part << ".cacertfile = " << files.ca.string() << '\n'
          << part << ".certfile = " << files.certificate.string() << '\n'
          << part << ".keyfile = " << files.key.string() << '\n';
    }
    return success();
  }

 public:
  PrivateBroker() = default;
  ~PrivateBroker() {
    if (broker_ == nullptr) return;
    static_cast<void>(end(broker_->process(), SIGTERM));
    static_cast<void>(end(broker_->epmd(), SIGTERM));
  }
  PrivateBroker(const PrivateBroker&) = delete;
  PrivateBroker& operator=(const PrivateBroker&) = delete;

  [[nodiscard]] const agents::AmqpAddress& address() const { return broker_->address(); }
  agents::ManagedBroker& managed() { return *broker_; }
  Result<void> signal(int number) { return broker_->process().signal(number); }
  /// SIGKILL and, after the end, a new start on the old data. Blocks until it answers again.
  Result<void> crash_and_restart() {
    BOOST_OUTCOME_TRYV(end(broker_->process(), SIGKILL));
    BOOST_OUTCOME_TRYV(broker_->spawn());
    return await_ready();
  }
  /// Everything that somebody made in it, its limits, alarms and listeners, and how many clients it has, once all of
  /// them are gone or have not gone in ten seconds. To compare with the same at another time.
  Result<std::string> state() const {
    std::string seen;
    BOOST_OUTCOME_TRYV(run_to_end(look(seen)));
    return seen;
  }
  Result<void> stop() { return end(broker_->process(), SIGTERM); }
  Result<void> start_again() {
    BOOST_OUTCOME_TRYV(broker_->spawn());
    return await_ready();
  }

 private:
  /// Ends a process and waits for it; SIGKILL when ten seconds were not enough.
  static Result<void> end(agents::Process& process, int number) {
    for (int tries = 0; process.alive() && tries < 2000; ++tries) {
      if (tries == 0 || tries == 1000) static_cast<void>(process.signal(tries == 0 ? number : SIGKILL));
      usleep(10'000);
    }
    if (process.alive()) return Error{ErrorKind::unrestored, "a process survives SIGKILL"};
    return success();
  }
  Result<void> await_ready() { return run_to_end(broker_->ready()); }
  boost::asio::awaitable<Result<void>> look(std::string& seen) const {
    // RabbitMQ 3.10.8. A client that is leaving is given ten seconds to be gone.
    static constexpr const char* state = R"(
Clients = fun Wait(N) -> case rabbit_networking:connections_local() of
  [_ | _] when N > 0 -> timer:sleep(50), Wait(N - 1);
  Left -> length(Left) end end,
Connected = Clients(200),
Of = fun(List, Tell) -> lists:sort([Tell(Each) || Vhost <- rabbit_vhost:list_names(), Each <- List(Vhost)]) end,
Queue = fun(Q) -> {amqqueue:get_name(Q), amqqueue:is_durable(Q), amqqueue:get_arguments(Q)} end,
Exchange = fun(X) -> rabbit_exchange:info(X, [name, type, durable, auto_delete, internal, arguments]) end,
unicode:characters_to_binary([io_lib:format("~s: ~0tp~n", [What, Seen]) || {What, Seen} <- [
  {"vhosts", lists:sort(rabbit_vhost:list_names())},
  {"permissions", lists:sort(rabbit_auth_backend_internal:list_permissions())},
  {"queues", Of(fun rabbit_amqqueue:list/1, Queue)},
  {"exchanges", Of(fun rabbit_exchange:list/1, Exchange)},
  {"bindings", Of(fun rabbit_binding:list/1, fun(B) -> B end)},
  {"policies and parameters", lists:sort(rabbit_runtime_parameters:list())},
  {"limits", {vm_memory_monitor:get_vm_memory_high_watermark(), rabbit_disk_monitor:get_disk_free_limit()}},
  {"alarms", rabbit_alarm:get_alarms()},
  {"listeners", lists:sort([{Listener, ranch:get_status(Listener)} || Listener <- maps:keys(ranch:info())])},
  {"connections", Connected}]]))";
    BOOST_OUTCOME_CO_TRY(const auto answer,
                         co_await agents::ask_node(node_, state, boost::json::object{}, 30s, stopping_));
    seen = boost::json::value_to<std::string>(answer);
    co_return success();
  }

  bool stopping_ = false;
  agents::ErlangNode node_;
  std::uint16_t management_port_ = 0, tls_port_ = 0, management_tls_port_ = 0;
  agents::Workspace workspace_;
  std::unique_ptr<agents::ManagedBroker> broker_;
};

}  // namespace troop::test
