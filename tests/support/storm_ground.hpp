// Of the storm (storm.hpp): what the agents act on, and one agent's life.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/json.hpp>
#include <filesystem>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "agents/protocol/messages.hpp"
#include "common/ids.hpp"
#include "controller/fleet/agent_link.hpp"
#include "tests/support/storm.hpp"

namespace troop::test {

using StormSteps = std::vector<protocol::StepOrder>;
constexpr Duration storm_round_max = std::chrono::seconds{150};

/// One that is in force until it is reverted.
protocol::StepOrder storm_step(std::string_view fault, std::string victim, model::Parameters parameters);
/// In any order, and as many as `count`; where `always` is among them, it is the first.
StormSteps drawn(StormSteps steps, std::size_t count, Random& random, std::string_view always = {});

class StormGround {
 public:
  StormGround() = default;
  StormGround(const StormGround&) = delete;
  StormGround& operator=(const StormGround&) = delete;
  virtual ~StormGround() = default;

  /// Empty where everything is there.
  [[nodiscard]] virtual std::string why_not() const { return ""; }
  /// For an agent of one round. Without a random number: all there are.
  virtual StormSteps steps(Random* random, std::string_view always) = 0;
  /// `broker` and `workload` of its agents; empty: they get none.
  [[nodiscard]] virtual boost::json::object setup() const { return {}; }
  /// What an experiment could have changed, as text to compare.
  [[nodiscard]] virtual std::string picture() const = 0;
  /// The same without what may stay where agent and guardian are dead; empty: nothing can be said of that.
  [[nodiscard]] virtual std::string bounded_picture() const { return ""; }
  /// Whether whoever is there talks with each other: while faults are to be proven.
  virtual void talk(bool) {}
};

struct StormPlace {
  std::filesystem::path root;  ///< A folder in which nothing may be left.
  std::filesystem::path home;  ///< One for what is there all the time.
  std::string group;           ///< The path of the control group in which all of this is; empty: none of its own.
};
/// `bare`: without control groups and services.
std::unique_ptr<StormGround> storm_host(const StormPlace& place, bool bare);
/// One broker that is `attached`, or one for each agent.
std::unique_ptr<StormGround> storm_broker(const StormPlace& place, bool attached);
/// What the one and the other does, whatever is drawn.
StormSteps storm_broker_steps();

/// Rules, queues, interfaces, control groups, our children with their states, limits and namespaces, clock, files.
class HostPicture {
 public:
  explicit HostPicture(const StormPlace& place);
  [[nodiscard]] std::string text() const;
  /// Without what stays, and does nothing, until somebody puts it back: queues without traffic, journals.
  [[nodiscard]] std::string bounded() const;

 private:
  std::filesystem::path folder_;
  std::string groups_;
  std::int64_t clock_;
};

/// One agent, from its start to the blow.
class StormRound {
 public:
  struct Course {
    Duration hold{};          ///< How long all of them are in force, or each.
    bool each_alone = false;  ///< One after the other, once; else all together, again and again.
    std::function<void()> at_blow = [] {};
  };
  /// When the blow falls: so long after the request of that number, the first being 0, or after the first fault is in
  /// force. Negative: never, and one cycle.
  struct Moment {
    int request = 0;
    Duration after{};
    bool once_in_force = false;
    [[nodiscard]] bool comes() const { return after >= Duration{0}; }
  };

  StormRound(boost::asio::io_context& io, const StormSteps& steps, boost::json::object setup, Course course,
             std::filesystem::path folder);
  /// Works until the blow.
  boost::asio::awaitable<void> play(Blow blow, Moment moment);

  std::string problem;  ///< What went wrong before the blow.
  int in_force = 0;     ///< Proven when it fell.
  int in_group = 0;     ///< Of these, on a control group.
  bool with_netem = false;
  std::int64_t struck = 0;  ///< When.
  Duration cycle{};         ///< How long one took undisturbed.

 private:
  boost::asio::awaitable<bool> prepare();
  boost::asio::awaitable<void> conduct(bool once);
  boost::asio::awaitable<void> hold();
  boost::asio::awaitable<bool> ask(std::string_view name, boost::json::object fields);
  boost::asio::awaitable<bool> turn(std::string_view name, const protocol::StepOrder& step);
  boost::asio::awaitable<void> strike();
  boost::asio::awaitable<void> renew();
  boost::asio::awaitable<void> end();
  void note_request();
  [[nodiscard]] pid_t guardian() const;

  boost::asio::io_context& io_;
  const StormSteps& steps_;
  boost::json::object setup_;
  const Course course_;
  std::filesystem::path folder_;
  Blow blow_ = Blow::kill_agent;
  Moment moment_;
  int requests_ = 0;
  std::set<std::int64_t> met_nothing_;  ///< Steps that were not proven.
  std::unique_ptr<controller::AgentLink> link_;
  bool over_ = false;
};

}  // namespace troop::test
