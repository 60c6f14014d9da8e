// The parts of a run that an agent started and can start again: the managed broker, the workers. What faults act on.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "agents/host/control_group.hpp"
#include "agents/host/process.hpp"
#include "agents/rabbitmq/control.hpp"
#include "common/error.hpp"

namespace troop::agents {

/// What was seen, and when: the evidence that something took effect.
struct Proof {
  std::int64_t time = 0;  ///< CLOCK_MONOTONIC, ns.
  std::string text;       ///< For people: "pid 4711 is gone, killed by signal 9".
};

/// A part that others run, and so no child of the agent: an attached broker.
class Outsider {
 public:
  virtual ~Outsider() = default;
  /// Proven when it no longer answers. SIGKILL means: without asking it. Errors: lost, timeout.
  virtual asio::awaitable<Result<Proof>> take_down(int signal_number) = 0;
  /// Proven when it is silent, though connections are accepted.
  virtual asio::awaitable<Result<Proof>> pause() = 0;
  virtual asio::awaitable<Result<Proof>> go_on() = 0;
  /// Starts it unless it runs, and waits until it is ready. Errors: unrestored, cancelled.
  virtual asio::awaitable<Result<Proof>> bring_back() = 0;
};

/// Of two clocks, as far as it can be told from outside.
struct ClockOffset {
  Duration least{}, most{};
};

class Part {
 public:
  virtual ~Part() = default;
  [[nodiscard]] virtual const std::string& name() const = 0;
  /// "broker", "producer" or "consumer": the kinds of target in the fault catalogue.
  [[nodiscard]] virtual std::string_view kind() const = 0;
  /// One that never started, for an outsider.
  [[nodiscard]] virtual Process& process() = 0;
  [[nodiscard]] virtual Outsider* outsider() { return nullptr; }
  /// A file system that is its alone: how large it is made; 0: it has none.
  [[nodiscard]] virtual std::int64_t disk_mib() const { return 0; }
  /// The root folder of that; -1 before the part is started.
  [[nodiscard]] virtual int disk() const { return -1; }
  /// Starts it (again); it is not ready yet. Journals the process. Errors: usage, lost.
  virtual Result<void> start() = 0;
  /// Waits until it does its work. Errors: unrestored, cancelled.
  virtual asio::awaitable<Result<Proof>> ready() = 0;

  /// Called before it is started, where its wall clock is going to be set. Errors: usage, where that cannot be.
  virtual Result<void> let_clock_be_set() { return usage_error("the clock of " + name() + " is not Troop's to set"); }
  /// Its wall clock shall be so far from this machine's: it follows within seconds. Errors: usage.
  virtual Result<void> set_clock(Duration) { return let_clock_be_set(); }
  /// Asks how far its wall clock is from this machine's. Errors: lost, timeout, cancelled.
  virtual asio::awaitable<Result<ClockOffset>> clock() { co_return let_clock_be_set().error(); }

  /// The control group that is its alone, made when it is started, and that its traffic is told by. To be called before
  /// it is started for the first time. Errors: usage, where that cannot be.
  virtual Result<ControlGroup> own_group() {
    return usage_error("the traffic of " + name() + " is not told from others'");
  }

  /// From ready() on, until a fault or the run's end takes it down: its end is then a surprise.
  bool meant_to_run = false;
};

/// Something in force that the kernel ends with this process, whatever ends it: rules and queues of our own.
class Holding {
 public:
  virtual ~Holding() = default;
  /// For another lease; what is not renewed expires in the kernel. Blocking, milliseconds. Errors: lost.
  virtual Result<void> renew() = 0;
};

/// Another host of the scenario.
struct Peer {
  std::string name;
  std::string address;        ///< Where it is reached from here: IPv4 or IPv6.
  std::string address6 = {};  ///< Where else: IPv6; empty: nowhere else.
};

/// Where the workload's messages go: what a fault acts on when its step names nothing else.
struct WorkloadRoute {
  std::string queue;     ///< The first, where each message goes to several.
  std::string exchange;  ///< Empty: the default exchange.
};

/// Finds parts by name; nullptr where there is none.
class Parts {
 public:
  virtual ~Parts() = default;
  [[nodiscard]] virtual Part* find(std::string_view name) = 0;
  /// What can be done to the broker beyond signals; nullptr before it is started, and where nothing can.
  [[nodiscard]] virtual BrokerControl* broker_control() { return nullptr; }
  /// The same of one node, where there is a cluster.
  [[nodiscard]] virtual BrokerControl* control_of(std::string_view) { return broker_control(); }
  [[nodiscard]] virtual WorkloadRoute route() const { return {}; }
  /// The other hosts of the scenario.
  [[nodiscard]] virtual std::vector<Peer> peers() const { return {}; }
  /// The process that asks for all this: nobody may hit it, nor what started it.
  [[nodiscard]] pid_t controller() const { return controller_; }
  void set_controller(pid_t pid) { controller_ = pid; }
  /// Addresses at which workers reach the broker from here.
  [[nodiscard]] virtual std::vector<std::string> ways_to_broker() const { return {}; }
  /// What is held by the steps in force, by their number. A fault's apply puts it there, its revert takes it away.
  [[nodiscard]] std::map<std::int64_t, std::unique_ptr<Holding>>& holdings() { return holdings_; }

 private:
  pid_t controller_ = 0;
  std::map<std::int64_t, std::unique_ptr<Holding>> holdings_;
};

}  // namespace troop::agents
