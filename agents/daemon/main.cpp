// troop-agent: carries out on one host what a controller asks for, and puts the host back whatever happens.
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <csignal>
#include <cstdio>

#include "agents/daemon/attached_part.hpp"
#include "agents/daemon/control_session.hpp"
#include "agents/daemon/doctor.hpp"
#include "agents/daemon/host_state.hpp"
#include "agents/daemon/service.hpp"
#include "agents/guardian.hpp"
#include "agents/host/namespaces.hpp"
#include "agents/protocol/spawn.hpp"
#include "agents/workers/worker.hpp"
#include "common/version.hpp"

namespace {

using namespace troop;
namespace asio = boost::asio;

/// For somebody who is already putting back what a dead agent left: less than a controller waits for our greeting.
constexpr Duration payment_max = std::chrono::seconds{80};
constexpr int exit_unable = 1;
constexpr int exit_refused = 2;
constexpr int exit_unread = 3;
constexpr int exit_unrestored = 4;

void complain(const std::string& text) { std::fprintf(stderr, "troop-agent: %s\n", text.c_str()); }

/// Tells the controller why there will be no conversation. The socket is new and empty: one write takes it all.
int refuse(int control_fd, const Error& error) {
  complain(error.context);
  const auto frame = protocol::message_frame(
      boost::json::serialize(boost::json::object{{"notice", "ending"}, {"reason", error.context}}));
  if (write(control_fd, frame.data(), frame.size()) < 0) complain("the controller is gone");
  return exit_refused;
}

/// How an agent shows that it lives, until it is over. A timer that has just fired cannot be cancelled, hence the flag.
struct Life {
  asio::steady_timer timer;
  bool over = false;
};

asio::awaitable<void> converse(agents::ControlSession& session, asio::signal_set& signals, Life& life, int& exit_code) {
  for (const auto& problem : co_await session.serve()) {
    complain("not put back: " + problem);
    exit_code = exit_unrestored;
  }
  signals.cancel();
  life.over = true;
  life.timer.cancel();
}

asio::awaitable<void> show_life(const agents::Guardian& guardian, Life& life) {
  while (!life.over) {
    guardian.beat();
    life.timer.expires_after(std::chrono::milliseconds{500});
    boost::system::error_code cancelled;
    co_await life.timer.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
  }
}

/// So that the guardian, too, is where the faults are.
Result<void> move_to(const std::string& netns) {
  if (netns.empty()) return success();
  BOOST_OUTCOME_TRY(const auto place, agents::open_netns(netns));
  return agents::enter(place.get());
}

/// Whoever connected, or made the pair of sockets; 0 where that cannot be told.
pid_t controller_at(int control_fd) {
  ucred peer{};
  socklen_t size = sizeof peer;
  return getsockopt(control_fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 ? peer.pid : 0;
}

int serve(int control_fd, const std::string& netns) {
  std::signal(SIGPIPE, SIG_IGN);
  fcntl(control_fd, F_SETFD, FD_CLOEXEC);
  if (auto moved = move_to(netns); moved.has_error()) return refuse(control_fd, moved.error());
  const auto folder = agents::state_folder();
  const auto cleaned = agents::clean_up_after_the_dead(folder, agents::pay_for_attached, payment_max);
  for (const auto& problem : cleaned.problems) complain("left by a dead agent, not put back: " + problem);
  if (cleaned.undone > 0)
    complain("put back what a dead agent had left: " + std::to_string(cleaned.undone) + " things");
  const auto guardian = agents::Guardian::fork(folder, protocol::lease, agents::pay_for_attached);
  if (guardian.has_error()) return refuse(control_fd, guardian.error());
  if (auto ready = agents::become_subreaper(); ready.has_error()) return refuse(control_fd, ready.error());
  auto journal = agents::UndoJournal::create(folder);
  if (journal.has_error()) return refuse(control_fd, std::move(journal).error().within("undo journal"));
  if (auto signed_ = journal.value().sign(); signed_.has_error()) {
    journal.value().close();
    return refuse(control_fd, std::move(signed_).error().within("undo journal"));
  }

  asio::io_context io{1};
  protocol::Channel::Socket socket{io};
  boost::system::error_code failure;
  socket.assign(asio::local::stream_protocol{}, control_fd, failure);
  if (failure) {
    complain("--control-fd is no stream socket: " + failure.message());
    journal.value().close();
    return exit_refused;
  }
  agents::ControlSession session{io, protocol::Channel::adopt(std::move(socket)), journal.value(), cleaned.problems,
                                 controller_at(control_fd)};
  asio::signal_set signals{io, SIGINT, SIGTERM, SIGHUP};
  signals.async_wait([&session](const boost::system::error_code& cancelled, int number) {
    if (!cancelled) session.interrupt("the agent got signal " + std::to_string(number));
  });
  int exit_code = 0;
  Life life{asio::steady_timer{io}};
  protocol::spawn(io, show_life(guardian.value(), life));
  protocol::spawn(io, converse(session, signals, life, exit_code));
  io.run();
  // What could not be put back now, its guardian tries a few times more.
  if (journal.value().open().empty()) guardian.value().dismiss();
  journal.value().close();
  return exit_code;
}

int run(const std::string& socket) {
  const auto ended = agents::run_service(socket.empty() ? agents::service_socket() : std::filesystem::path{socket});
  if (ended.has_value()) return ended.value();
  complain(ended.error().context);
  return exit_refused;
}

int print(const std::string& text, int exit_code) {
  return std::fputs(text.c_str(), stdout) >= 0 && std::fflush(stdout) == 0 ? exit_code : exit_unread;
}

int doctor(bool as_json) {
  const auto found = agents::examine(agents::state_folder());
  return print(as_json ? boost::json::serialize(agents::to_json(found)) + "\n" : agents::to_text(found),
               found.all_able() ? 0 : exit_unable);
}

int status(bool as_json) {
  const auto journals = agents::look_at_journals(agents::state_folder());
  if (journals.has_error()) {
    complain(journals.error().context);
    return exit_refused;
  }
  const std::string text =
      as_json ? boost::json::serialize(agents::to_json(journals.value())) + "\n" : agents::to_text(journals.value());
  return print(text, 0);
}

/// What agents owe that are gone; those that live are let be.
int undo_dead() {
  const auto cleaned = agents::clean_up_after_the_dead(agents::state_folder(), agents::pay_for_attached, payment_max);
  for (const auto& problem : cleaned.problems) complain("not put back: " + problem);
  if (!cleaned.problems.empty()) return exit_unrestored;
  std::printf("Nothing is left of agents that are gone; put back: %d\n", cleaned.undone);
  return 0;
}

int undo(int patience_s) {
  const auto folder = agents::state_folder();
  const auto undone = agents::undo_all(folder, std::chrono::seconds{patience_s}, agents::pay_for_attached);
  for (const auto& problem : undone.problems) complain("not put back: " + problem);
  if (!undone.problems.empty()) return exit_unrestored;
  if (undone.agents > 0) std::printf("ended %d %s\n", undone.agents, undone.agents == 1 ? "agent" : "agents");
  if (undone.debts > 0) std::printf("put back %d %s\n", undone.debts, undone.debts == 1 ? "thing" : "things");
  std::puts("This host is clean.");
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Carries out experiments on this host, for a controller, and puts the host back."};
  app.set_version_flag("--version", troop::version);
  app.require_subcommand(1);
  int exit_code = 0;

  std::string socket;
  CLI::App* running =
      app.add_subcommand("run", "Wait for controllers on a local socket, and serve one after the other");
  running->add_option("--socket", socket, "The socket; without it agent.sock in the folder of the undo journals")
      ->type_name("PATH");
  running->callback([&] { exit_code = run(socket); });

  int control_fd = -1;
  CLI::App* serving = app.add_subcommand("serve", "Serve the controller at the other end of an inherited socket");
  serving->add_option("--control-fd", control_fd, "The socket's descriptor")->required()->check(CLI::Range(3, 1 << 20));
  std::string netns;
  serving->add_option("--netns", netns, "The network namespace to live in; without it the caller's")->type_name("PATH");
  serving->callback([&] { exit_code = serve(control_fd, netns); });

  int config_fd = -1;
  int ring_fd = -1;
  CLI::App* working = app.add_subcommand("worker", "Be one producer or consumer of the workload (started by 'serve')");
  working->add_option("--config-fd", config_fd, "Where to read the configuration")->required();
  working->add_option("--ring-fd", ring_fd, "The shared memory that evidence goes to")->required();
  working->callback([&] { exit_code = agents::worker_main(config_fd, ring_fd); });

  bool as_json = false;
  CLI::App* telling = app.add_subcommand("status", "What is in force on this host, since when, and whose it is");
  telling->add_flag("--json", as_json, "As JSON: a list of agents with what they have to put back");
  telling->callback([&] { exit_code = status(as_json); });

  bool findings_as_json = false;
  CLI::App* examining = app.add_subcommand("doctor", "Which faults this host can do, and what would enable the others");
  examining->add_flag("--json", findings_as_json, "As JSON: an object with a list of faults");
  examining->callback([&] { exit_code = doctor(findings_as_json); });

  bool all = false, dead = false;
  int patience_s = 30;
  CLI::App* undoing = app.add_subcommand("undo", "Put this host back, whether its agents run, hang or are gone");
  CLI::Option_group* whose = undoing->add_option_group("whose", "Of which agents");
  whose->add_flag("--all", all, "Of all agents of this user");
  whose->add_flag("--dead", dead, "Of those that are gone; those that live go on");
  whose->require_option(1);
  undoing
      ->add_option("--patience", patience_s,
                   "How long an agent that runs may take to put everything back itself, seconds")
      ->check(CLI::Range(0, 600))
      ->capture_default_str();
  undoing->callback([&] { exit_code = dead ? undo_dead() : undo(patience_s); });

  app.footer(
      "'troop run' starts its own agent, unless it is told of a service: troop run --agent SOCKET\n"
      "Example: troop-agent undo --all     after a crash, to have this host as it was before");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : exit_refused;
  }
  return exit_code;
}
