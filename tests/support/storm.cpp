#include "tests/support/storm.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <boost/json.hpp>
#include <csignal>
#include <cstdlib>
#include <optional>
#include <thread>

#include "agents/protocol/spawn.hpp"
#include "scenarios/model/faults/catalogue.hpp"
#include "tests/support/control_groups.hpp"
#include "tests/support/private_network.hpp"
#include "tests/support/storm_ground.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/support/troop_run.hpp"

namespace troop::test {
namespace {

namespace asio = boost::asio;
namespace json = boost::json;
using Moment = StormRound::Moment;

constexpr Duration short_hold = 20ms;
constexpr Duration broker_hold = 300ms;
constexpr Duration renewal_at = protocol::lease / 5;  // an agent renews what it holds so often

void reap() {
  while (waitpid(-1, nullptr, WNOHANG) > 0) continue;
}

/// Exit code of `troop-agent undo --all`.
int undo_all() {
  const std::string program = TROOP_BIN_DIR "/troop-agent";
  const pid_t pid = fork();
  if (pid == 0) {
    dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), STDOUT_FILENO);
    execl(program.c_str(), program.c_str(), "undo", "--all", nullptr);
    _exit(127);
  }
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

std::unique_ptr<StormGround> ground_for(Ground ground, const StormPlace& place) {
  switch (ground) {
    case Ground::host:
    case Ground::bare_host:
      return storm_host(place, ground == Ground::bare_host);
    case Ground::attached_broker:
    case Ground::managed_broker:
      break;
  }
  return storm_broker(place, ground == Ground::attached_broker);
}

bool is_host(Ground ground) { return ground == Ground::host || ground == Ground::bare_host; }

Duration up_to(Duration most, Random& random) {
  return Duration{static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(most.count())))};
}

/// How long those on services may take to be put back; 0: there are none.
Duration services_max(const StormSteps& steps) {
  Duration most{0};
  for (const auto& step : steps) {
    if (!step.parameters.contains("unit")) continue;
    most = std::max(most, model::find_fault(model::faults(), step.fault)->undo_max);
  }
  return most;
}

/// The storms of one process, one after the other on the same ground.
class Weather {
 public:
  Weather(StormGround& ground, Ground kind, fs::path root)
      : ground_(ground),
        kind_(kind),
        root_(std::move(root)),
        before_(ground.picture()),
        bounded_(ground.bounded_picture()) {}

  /// Nobody strikes: how long all of it takes. What went wrong.
  std::string rehearse() {
    const auto played = play(ground_.steps(nullptr, {}), Blow::kill_agent, {.after = Duration{-1}}, short_hold);
    cycle_ = played.cycle;
    if (!played.problem.empty() || !comes_back(before_, monotonic_ns() + Duration{8s}.count()))
      return "undisturbed: " + played.problem + "\n" + ground_.picture();
    return "";
  }

  Aftermath rage(const Storm& storm) {
    Aftermath found;
    Random random{storm.seed, to_text(storm.blow)};
    for (; found.rounds < storm.rounds; ++found.rounds) {
      if (!survive(storm, random, found)) break;
    }
    return found;
  }

 private:
  struct Played {
    std::string problem;
    int in_force = 0, in_group = 0;
    bool with_netem = false;
    std::int64_t struck = 0;
    Duration cycle{};
  };

  Played play(StormSteps steps, Blow blow, Moment moment, Duration hold) {
    asio::io_context io{1};
    for (std::size_t i = 0; i < steps.size(); ++i) steps[i].number = static_cast<std::int64_t>(i) + 1;
    StormRound::Course course{.hold = hold, .each_alone = !is_host(kind_), .at_blow = [&] {
                                if (blow != Blow::kill_guardian) ground_.talk(false);
                              }};
    StormRound round{io, steps, ground_.setup(), std::move(course), root_};
    ground_.talk(true);
    protocol::spawn(io, round.play(blow, moment));
    io.run_for(storm_round_max);
    ground_.talk(false);
    if (!io.stopped()) round.problem += " (it did not end)";
    return {round.problem, round.in_force, round.in_group, round.with_netem, round.struck, round.cycle};
  }

  bool comes_back(const std::string& wanted, std::int64_t until, bool bounded = false) const {
    while (true) {
      reap();
      if ((bounded ? ground_.bounded_picture() : ground_.picture()) == wanted) return true;
      if (monotonic_ns() > until) return false;
      std::this_thread::sleep_for(5ms);
    }
  }

  [[nodiscard]] bool is_renewed(int round) const { return is_host(kind_) && round % 4 == 3; }

  /// On a host one round in four waits until its faults are renewed; the others fall anywhere into a quick cycle. With
  /// brokers one in two waits until a fault is in force; the others fall anywhere after one of the agent's requests.
  [[nodiscard]] Moment moment(int round, std::size_t steps, Random& random) const {
    if (is_renewed(round)) return {0, renewal_at - 20ms + up_to(100ms, random)};
    if (is_host(kind_)) return {0, up_to(cycle_, random)};
    if (round % 2 == 0) return {-1, up_to(broker_hold / 2, random), true};
    const int request = static_cast<int>(random.below(2 * steps + 2));
    const bool starts = request == 0 && kind_ == Ground::managed_broker;
    return {request, up_to(starts ? Duration{5s} : 2 * broker_hold, random)};
  }

  /// One blow. False: the ground is not fit for another.
  bool survive(const Storm& storm, Random& random, Aftermath& found) {
    const bool renewed = is_renewed(found.rounds);
    auto steps = ground_.steps(&random, storm.always);
    // Of what may stay until somebody comes a scenario has to say that it accepts it; all else ends by itself.
    const bool ends_alone = storm.blow == Blow::kill_both && found.rounds % 2 == 1 && !bounded_.empty();
    if (ends_alone) {
      std::erase_if(steps,
                    [](const auto& step) { return model::find_fault(model::faults(), step.fault)->outlives_agent; });
    }
    const Duration services = services_max(steps);
    const Moment when = moment(found.rounds, steps.size(), random);
    const Duration hold = renewed ? 2 * renewal_at : is_host(kind_) ? short_hold : broker_hold;
    const auto played = play(std::move(steps), storm.blow, when, hold);
    const bool met = played.in_force > 0;
    found.in_force += met ? 1 : 0;
    found.renewed += met && renewed ? 1 : 0;
    found.in_group += played.in_group > 0 ? 1 : 0;
    found.with_netem += played.with_netem ? 1 : 0;
    const auto note = [&](const std::string& what) {
      found.problems.push_back(
          fmt::format("round {}, {} us after request {}: {}", found.rounds, when.after / 1us, when.request, what));
    };
    if (!played.problem.empty()) note(played.problem);
    if (ends_alone && !comes_back(bounded_, played.struck + storm.put_back_max.count(), true))
      note("is in force without agent and guardian:\n" + ground_.bounded_picture());
    // Nobody is left who could pay what is only written down; that is for whoever comes next.
    const std::int64_t came = monotonic_ns();
    if (storm.blow == Blow::kill_both && undo_all() != 0) note("undo --all did not end with 0");
    const Duration allowed =
        std::max(storm.put_back_max, services) + (storm.blow == Blow::stop_agent ? protocol::lease : Duration{0});
    const bool from_blow = storm.blow != Blow::kill_guardian && !ends_alone;
    const std::int64_t since = from_blow ? played.struck : came;
    const bool clean = comes_back(before_, since + allowed.count());
    auto& slowest = services > Duration{0} ? found.slowest_with_services_s : found.slowest_s;
    slowest = std::max(slowest, static_cast<double>(monotonic_ns() - since) / 1e9);
    if (clean) return true;
    ++found.left_behind;
    note("left:\n" + ground_.picture());
    return comes_back(before_, monotonic_ns() + Duration{60s}.count());
  }

  StormGround& ground_;
  Ground kind_;
  fs::path root_;
  std::string before_, bounded_;
  Duration cycle_{};
};

/// The calling thread must be the only one of a process made for it: it moves to another network namespace and another
/// control group, becomes a subreaper, and changes its environment.
std::vector<Aftermath> weather(const std::vector<Storm>& storms) {
  std::vector<Aftermath> found(storms.size());
  const Ground kind = storms.front().ground;
  const auto give_up = [&](const std::string& why) {
    for (auto& each : found) each.problems.push_back(why);
    return found;
  };
  const testing_support::TemporaryFolder folder;
  StormPlace place{.root = folder / "root", .home = folder / "home", .group = ""};
  for (const auto& path : {place.root / "tmp", place.home}) fs::create_directories(path);
  setenv("TROOP_STATE_DIR", (place.root / "state").c_str(), 1);  // the agents' to make, and to remove
  setenv("TMPDIR", place.home.c_str(), 1);
  std::signal(SIGPIPE, SIG_IGN);     // an agent may die before it has heard everything
  prctl(PR_SET_CHILD_SUBREAPER, 1);  // a guardian is nobody's child: it becomes ours
  const PrivateNetwork network;
  if (!network.why_not().empty()) return give_up(network.why_not());
  std::optional<OwnTestGroup> group;
  if (kind != Ground::bare_host && !unified_hierarchy().empty()) {
    group.emplace();
    if (!group->in()) return give_up("no control group of its own");
    place.group = group->path();
  }
  const auto ground = ground_for(kind, place);
  if (!ground->why_not().empty()) return give_up(ground->why_not());
  setenv("TMPDIR", (place.root / "tmp").c_str(), 1);
  Weather weather{*ground, kind, place.root};
  if (is_host(kind)) {
    if (const auto wrong = weather.rehearse(); !wrong.empty()) return give_up(wrong);
  }
  for (std::size_t i = 0; i < storms.size(); ++i) found[i] = weather.rage(storms[i]);
  return found;
}

json::array to_json(const Aftermath& found) {
  return {found.rounds,
          found.in_force,
          found.renewed,
          found.in_group,
          found.with_netem,
          found.left_behind,
          found.slowest_s,
          found.slowest_with_services_s,
          json::array(found.problems.begin(), found.problems.end())};
}

Aftermath from_json(const json::array& told) {
  Aftermath found;
  const std::array counts{&found.rounds,   &found.in_force,   &found.renewed,
                          &found.in_group, &found.with_netem, &found.left_behind};
  std::size_t at = 0;
  for (int* count : counts) *count = static_cast<int>(told.at(at++).as_int64());
  for (double* seconds : {&found.slowest_s, &found.slowest_with_services_s})
    *seconds = told.at(at++).to_number<double>();
  for (const auto& problem : told.at(at).as_array()) found.problems.emplace_back(problem.as_string());
  return found;
}

struct Running {
  pid_t pid;
  UniqueFd says;
};

Running begun(const std::vector<Storm>& storms) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return {-1, {}};
  const pid_t pid = fork();
  if (pid == 0) {
    json::array all;
    for (const auto& found : weather(storms)) all.push_back(to_json(found));
    const auto text = json::serialize(all);
    for (std::size_t at = 0; at < text.size();) {
      const ssize_t count = write(ends[1], text.data() + at, text.size() - at);
      if (count <= 0) break;
      at += static_cast<std::size_t>(count);
    }
    _exit(0);
  }
  close(ends[1]);
  return {pid, UniqueFd{ends[0]}};
}

std::vector<Aftermath> ended(const Running& running, std::size_t count) {
  std::string text;
  std::array<char, 4096> piece{};
  for (ssize_t got = 0; (got = read(running.says.get(), piece.data(), piece.size())) > 0;) {
    text.append(piece.data(), static_cast<std::size_t>(got));
  }
  int status = 0;
  waitpid(running.pid, &status, 0);
  boost::system::error_code broken;
  const auto told = json::parse(text, broken);
  std::vector<Aftermath> all;
  if (!broken) {
    for (const auto& each : told.as_array()) all.push_back(from_json(each.as_array()));
  }
  all.resize(count);
  if (broken) all.front().problems.push_back(fmt::format("the storm itself ended, status {}", status));
  return all;
}

}  // namespace

std::string_view to_text(Blow blow) {
  static constexpr std::string_view names[] = {"kill_agent", "stop_agent", "kill_guardian", "kill_both"};
  return names[static_cast<std::size_t>(blow)];
}

std::string_view to_text(Ground ground) {
  static constexpr std::string_view names[] = {"host", "bare_host", "attached_broker", "managed_broker"};
  return names[static_cast<std::size_t>(ground)];
}

std::vector<Aftermath> weather_all(const std::vector<std::vector<Storm>>& streams) {
  std::vector<Running> running;
  for (const auto& storms : streams) running.push_back(begun(storms));
  std::vector<Aftermath> all;
  for (std::size_t i = 0; i < streams.size(); ++i) {
    for (auto& found : ended(running[i], streams[i].size())) all.push_back(std::move(found));
  }
  return all;
}

}  // namespace troop::test
