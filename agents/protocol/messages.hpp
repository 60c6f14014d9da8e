// What controller and agent say to each other. JSON objects; three shapes:
//
//   request  {"request": NAME, "id": N, …}                 controller → agent
//   reply    {"reply": N, …}  or  {"reply": N, "error": {"kind": …, "message": …}}
//   notice   {"notice": NAME, …}                           agent → controller, unasked
//
//   request          carries                               reply
//   hello            version, directory                    version, pid, clock, time, host, kernel, cpus, unpaid, agent
//   make_hosts       hosts, own, environment                            hosts: [{name, address, address6, netns}]
//   prepare          steps, hosts, environment; broker, workload
//   start_broker                                           port, version, platform, pid, asked, ready
//   start_workers    seed                                  workers: [name …], by record-frame index
//   begin            (the steady state is reached; the scenario's clock begins)
//   apply            step                                  effective, proof, pid
//   revert           step                                  restored, proof
//   finish_producers timeout                               closed, detail
//   drain            timeout                               drained, queues, detail
//   renew            (several times a second: the lease of everything in force)
//   stop             (ends all parts)                      clean, problems
//
//   notice: event    {time, process, type, f, fields}      becomes a line of the history
//           died     {part, detail}                        a part ended that nobody asked to end
//
// One agent has all parts of the run: it gets `make_hosts` where there are hosts, moves to the one that is its `own`,
// and says in `netns` by which path an agent enters each of the others. Only that agent's `prepare` carries broker and
// workload; `hosts` are the others as seen from it, in both.
//
// Times are CLOCK_MONOTONIC nanoseconds of the agent's host; durations nanoseconds. `clock` is clock_source(): a
// controller that has another one refuses the agent, since it could not tell in which order things happened.
#pragma once

#include <boost/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "common/error.hpp"
#include "scenarios/model/scenario.hpp"

namespace troop::protocol {

/// A step as the agent needs it: the victim is resolved, the type of each parameter checked.
struct StepOrder {
  std::int64_t number = 0;
  std::string fault;
  std::string victim;  ///< The name of a part: "broker", "consumer-1".
  std::optional<Duration> period;
  model::Parameters parameters;
  std::uint64_t seed = 0;  ///< Of the choices that the agent makes.
};

/// A host of the scenario as the others reach it.
struct HostPlace {
  std::string name;
  std::string netns;
  std::string address;   ///< IPv4.
  std::string address6;  ///< IPv6; empty: none that we know of.
  friend bool operator==(const HostPlace&, const HostPlace&) = default;
};

/// How long a fault outlives the last sign of life of its controller.
inline constexpr Duration lease = std::chrono::seconds{10};

boost::json::object to_json(const model::Host& host);
boost::json::object to_json(const HostPlace& host);
boost::json::object to_json(const model::Broker& broker);
boost::json::object to_json(const model::Workload& workload);
boost::json::object to_json(const StepOrder& step);
boost::json::object to_json(const Error& error);

/// Each refuses what is missing, of the wrong type or out of range, with an error of kind protocol.
Result<std::vector<model::Host>> hosts_from_json(const boost::json::value& json);
Result<std::vector<HostPlace>> places_from_json(const boost::json::value& json);
Result<model::Broker> broker_from_json(const boost::json::value& json);
Result<model::Workload> workload_from_json(const boost::json::value& json);
Result<StepOrder> step_from_json(const boost::json::value& json);
Error error_from_json(const boost::json::value& json);

/// Parses one message: an object of bounded depth.
Result<boost::json::object> parse_message(std::string_view body);

/// Fields of a message; an error of kind protocol where one is missing or of another type.
Result<std::int64_t> integer_field(const boost::json::object& message, std::string_view name);
Result<std::string> text_field(const boost::json::object& message, std::string_view name);

}  // namespace troop::protocol
