#include "controller/fleet/put_back.hpp"

namespace troop::controller {
namespace asio = boost::asio;
namespace json = boost::json;
using namespace std::chrono_literals;
namespace {

constexpr Duration stop_max = 100s;  ///< An attached broker may have to be started first.
constexpr Duration hang_max = 5s;    ///< For an agent that has already been silent for a lease.
constexpr Duration end_max = 20s;
constexpr const char* hung = "the agent hung and was killed; the kernel ended what it had started";
constexpr const char* hung_in_service = "the agent hangs; its guardian ends it, and puts back what it owes";

void take_problems(const json::object& reply, std::string_view name, const std::string& prefix, PutBack& result) {
  const json::value* problems = reply.if_contains(name);
  if (problems == nullptr || !problems->is_array()) return;
  for (const auto& problem : problems->get_array()) {
    result.restored = false;
    result.problems.push_back(prefix + (problem.is_string() ? std::string{problem.get_string()} : "unknown"));
  }
}

}  // namespace

asio::awaitable<PutBack> put_back(asio::io_context& io, AgentLink& agent, const AgentSource& source,
                                  std::unique_ptr<AgentLink>& cleaner) {
  PutBack result;
  if (!agent.lost()) {
    const Duration limit = agent.silent() ? hang_max : stop_max;
    auto stopped = co_await agent.request("stop", json::object{}, limit);
    if (stopped.has_value()) {
      take_problems(stopped.value(), "problems", "not put back: ", result);
    } else if (!agent.lost() && agent.silent()) {
      result.problems.emplace_back(agent.pid() > 0 ? hung : hung_in_service);
      agent.kill();
    }
  }
  // Lost or not: an agent that still runs is putting the host back by itself.
  auto exit_code = co_await agent.finish(agent.pid() > 0 ? end_max : stop_max);
  if (!exit_code) {
    result.problems.emplace_back(agent.pid() > 0 ? hung : hung_in_service);
    agent.kill();
    exit_code = co_await agent.finish(hang_max);
  }
  agent.close();
  if (!exit_code) {
    result.restored = false;
    result.problems.emplace_back("the agent does not end");
  } else if (*exit_code == 4) {
    result.restored = false;
    result.problems.emplace_back(source.service.empty()
                                     ? "the agent could not put everything back; see evidence/agent.log"
                                     : "the agent could not put everything back; see the log of its service");
  } else if (*exit_code != 0 && *exit_code != 2) {
    const std::filesystem::path directory = source.log.parent_path();
    auto started = AgentLink::open(io, source, AgentLink::Listener());
    Result<json::object> cleaned = Error{ErrorKind::lost, "no agent"};
    if (started.has_value()) {
      cleaner = std::move(started).value();
      cleaned = co_await cleaner->greet(directory);
      (void)co_await cleaner->finish(end_max);
      cleaner->close();
    }
    if (cleaned.has_error()) {
      result.restored = false;
      result.problems.push_back("nobody could clean up after the dead agent: " + cleaned.error().context);
    } else {
      take_problems(cleaned.value(), "unpaid", "left by the dead agent: ", result);
    }
  }
  co_return result;
}

}  // namespace troop::controller
