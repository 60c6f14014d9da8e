// `[system.broker.attach]`: a RabbitMQ that others run, and what a run may do to it. Plain data and pure rules: the
// reader refuses by them, `plan` shows them, and the agent refuses by them again.
//
// What a run does in the broker stays in one vhost and is deleted afterwards. What reaches beyond it (the broker is
// stopped) or destroys something (messages are purged) has to be allowed by name.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "scenarios/model/value.hpp"

namespace troop::model {

struct Workload;

struct BrokerAttachment {
  /// How the broker is stopped and started: at most one way.
  struct Control {
    std::string systemd;   ///< A unit.
    std::string docker;    ///< A container.
    std::string pid_file;  ///< Who is signalled; `command` starts the broker again.
    std::string command;   ///< An entry of the host's policy file.
    bool operator==(const Control&) const = default;
    [[nodiscard]] bool any() const {
      return !systemd.empty() || !docker.empty() || !pid_file.empty() || !command.empty();
    }
  };
  std::string url_from;         ///< A reference to amqp[s]://user:password@host:port, never that itself.
  std::string management_from;  ///< A reference to http[s]://host:port of the management API.
  std::string ca_file;          ///< Of the CAs, in PEM, that alone vouch for the broker; empty: the system's.
  std::string vhost;
  bool create = false;             ///< The run makes the vhost and deletes it.
  bool shared_vhost = false;       ///< Others may have queues and exchanges there too.
  std::vector<std::string> allow;  ///< Faults by name.
  Control control;
  bool operator==(const BrokerAttachment&) const = default;
};

/// "env:TROOP_NAME" or "file:/path". Only variables with that prefix are handed to agents, and no others are read.
bool is_secret_reference(std::string_view text);
/// Of the variables that a reference may name.
inline constexpr std::string_view secret_variable_prefix = "TROOP_";

/// Faults that act only if `allow` lists them.
inline constexpr std::array<std::string_view, 10> faults_to_allow{
    "broker.stop",   "broker.kill",         "broker.restart",         "broker.pause",
    "broker.purge",  "broker.delete_queue", "broker.delete_exchange", "broker.delete_binding",
    "broker.policy", "broker.queue_full"};

/// Stops or pauses the whole broker, and so needs `control`.
bool acts_on_server(std::string_view fault);

/// Why the fault cannot or may not act on such a broker; empty where it may. `parameters` as the step gives them.
std::string refusal(const BrokerAttachment& attachment, const Workload& workload, std::string_view fault,
                    const Parameters& parameters);

/// How the fault is done there, in the place of the catalogue's words; empty where those hold.
std::string_view back_end(const BrokerAttachment& attachment, std::string_view fault);

/// "container mq"; empty where there is no way.
std::string to_text(const BrokerAttachment::Control& control);

/// The exchanges and queues that a workload names, whether it declares them or not.
struct WorkloadNames {
  std::vector<std::string> exchanges, queues;
};
WorkloadNames names_of(const Workload& workload);

}  // namespace troop::model
