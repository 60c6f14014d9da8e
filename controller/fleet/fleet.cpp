#include "controller/fleet/fleet.hpp"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "agents/protocol/spawn.hpp"

namespace troop::controller {
namespace asio = boost::asio;
namespace json = boost::json;
using namespace std::chrono_literals;
namespace {

constexpr Duration renewal_interval = 200ms;

}  // namespace

Fleet::Fleet(asio::io_context& io, AgentSource source, Listener listener)
    : io_(io), source_(std::move(source)), listener_(std::move(listener)) {}

std::string Fleet::title(const Agent& agent) { return agent.host.empty() ? "the agent" : "the agent of " + agent.host; }

std::string Fleet::name_of(const Agent& agent) const { return "agent-" + (agent.host.empty() ? "local" : agent.host); }

std::vector<std::string> Fleet::names() const {
  std::vector<std::string> out;
  for (const auto& agent : agents_) out.push_back(name_of(*agent));
  return out;
}

Result<Fleet::Agent*> Fleet::add(const std::string& host, const std::string& netns) {
  agents_.push_back(std::make_unique<Agent>());
  Agent& agent = *agents_.back();
  agent.host = host;
  AgentLink::Listener listener;
  listener.records = listener_.records;
  listener.died = listener_.died;
  listener.log = listener_.log;
  listener.watermark = [this, &agent](std::int64_t time) { pass_watermark(agent, time); };
  listener.event = [this, &agent](const json::object& event) { listener_.event(name_of(agent), event); };
  listener.lost = [this, &agent](const std::string& reason) {
    listener_.failed({ErrorKind::lost, title(agent) + " ended during the run: " + reason});
  };
  BOOST_OUTCOME_TRY(agent.link, AgentLink::open(io_, source_, std::move(listener), netns));
  return &agent;
}

asio::awaitable<Result<json::object>> Fleet::start(const model::Scenario& scenario) {
  const std::string& broker_host = scenario.broker.host;
  const auto directory = source_.log.parent_path();
  BOOST_OUTCOME_CO_TRY(Agent* const first, add(broker_host, {}));
  BOOST_OUTCOME_CO_TRY(auto hello, co_await first->link->greet(directory));
  protocol::spawn(io_, renew_lease(*first));
  if (!scenario.hosts.empty()) {
    BOOST_OUTCOME_CO_TRY(co_await make_hosts(scenario.hosts, broker_host, scenario.environment));
  }
  for (const auto& host : hosts_) {
    if (host.name == broker_host) continue;
    BOOST_OUTCOME_CO_TRY(Agent* const agent, add(host.name, host.netns));
    BOOST_OUTCOME_CO_TRY(co_await agent->link->greet(directory));
    protocol::spawn(io_, renew_lease(*agent));
  }
  co_return hello;
}

asio::awaitable<Result<void>> Fleet::make_hosts(const std::vector<model::Host>& wanted, const std::string& own,
                                                const std::string& environment) {
  json::array list;
  for (const auto& host : wanted) list.push_back(protocol::to_json(host));
  json::object request{{"own", own}, {"environment", environment}};
  request["hosts"] = std::move(list);
  BOOST_OUTCOME_CO_TRY(const auto reply, co_await main().request("make_hosts", std::move(request), answer_max));
  const json::value* made = reply.if_contains("hosts");
  BOOST_OUTCOME_CO_TRY(hosts_, protocol::places_from_json(made == nullptr ? json::value{} : *made));
  co_return success();
}

json::array Fleet::others(const Agent& agent) const {
  json::array out;
  for (const auto& host : hosts_) {
    if (host.name != agent.host) out.push_back(protocol::to_json(host));
  }
  return out;
}

asio::awaitable<Result<void>> Fleet::prepare(const model::Scenario& scenario,
                                             const std::vector<protocol::StepOrder>& steps) {
  for (const auto& agent : agents_) {
    json::array own;
    for (const auto& step : steps) {
      if (&of(step.victim) == agent->link.get()) own.push_back(protocol::to_json(step));
    }
    json::object request{{"environment", scenario.environment}};
    if (agent == agents_.front()) {
      request["broker"] = protocol::to_json(scenario.broker);
      request["workload"] = protocol::to_json(scenario.workload);
    }
    request["hosts"] = others(*agent);
    request["steps"] = std::move(own);
    auto prepared = co_await agent->link->request("prepare", std::move(request), answer_max);
    if (prepared.has_error() && !agent->host.empty()) co_return std::move(prepared).error().within(agent->host);
    if (prepared.has_error()) co_return std::move(prepared).error();
  }
  co_return success();
}

AgentLink& Fleet::of(std::string_view target) {
  for (const auto& agent : agents_) {
    if (!agent->host.empty() && agent->host == target) return *agent->link;
  }
  return main();
}

void Fleet::pass_watermark(Agent& agent, std::int64_t time) {
  agent.watermark = std::max(agent.watermark, time);
  const auto oldest = std::ranges::min_element(agents_, {}, [](const auto& each) { return each->watermark; });
  listener_.watermark((*oldest)->watermark);
}

asio::awaitable<void> Fleet::renew_lease(Agent& agent) {
  asio::steady_timer timer{io_};
  while (!ended_) {
    timer.expires_after(renewal_interval);
    (void)co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
    if (ended_ || agent.link->lost()) continue;
    auto renewed = co_await agent.link->request("renew", json::object{}, protocol::lease);
    if (renewed.has_value() || ended_ || agent.link->lost()) continue;
    if (renewed.error().kind == ErrorKind::timeout) {
      listener_.failed({ErrorKind::lost, title(agent) + " has been silent for " + model::to_text(protocol::lease)});
      agent.link->abandon();
    } else if (!ending_ && renewed.error().kind != ErrorKind::cancelled) {
      listener_.failed(renewed.error());
    }
  }
}

void Fleet::abandon() {
  for (const auto& agent : agents_) {
    if (agent->link) agent->link->abandon();
  }
}

asio::awaitable<PutBack> Fleet::put_back() {
  PutBack all;
  ending_ = true;
  for (auto agent = agents_.rbegin(); agent != agents_.rend(); ++agent) {
    if (!(*agent)->link) continue;  // it could not even be started
    PutBack one = co_await controller::put_back(io_, *(*agent)->link, source_, (*agent)->cleaner);
    (*agent)->watermark = INT64_MAX;  // nothing more is to come from it
    all.restored = all.restored && one.restored;
    for (auto& problem : one.problems) {
      all.problems.push_back((*agent)->host.empty() ? problem : (*agent)->host + ": " + problem);
    }
  }
  ended_ = true;
  co_return all;
}

}  // namespace troop::controller
