#include "scenarios/model/attach.hpp"

#include <algorithm>

#include "scenarios/model/topology.hpp"

namespace troop::model {
namespace {

bool has(const auto& list, std::string_view wanted) {
  return std::ranges::find(list, wanted) != std::ranges::end(list);
}

/// What only the broker's own Erlang node could do.
std::string_view beyond_management(std::string_view fault) {
  if (fault == "broker.stop_app") return "the management API cannot stop the broker's application";
  if (fault == "broker.suspend_listeners") return "the management API cannot suspend listeners";
  if (fault == "broker.close_channel") return "the management API cannot close a channel";
  if (fault == "broker.memory_alarm" || fault == "broker.disk_alarm")
    return "the management API cannot set the broker's limits, and an alarm would block everybody's publishers";
  return {};
}

/// Of faults_to_allow.
std::string why_to_allow(std::string_view fault) {
  if (acts_on_server(fault)) return "reaches everybody on that broker";
  if (fault == "broker.policy" || fault == "broker.queue_full")
    return "stays in force where the agent and its guardian are both killed, until the next agent starts or "
           "'troop-agent undo --all' ends it";
  return "destroys what nobody brings back";
}

std::string text_parameter(const Parameters& parameters, std::string_view name) {
  const auto found = parameters.find(name);
  const auto* text = found == parameters.end() ? nullptr : std::get_if<std::string>(&found->second);
  return text == nullptr ? std::string{} : *text;
}

}  // namespace

bool acts_on_server(std::string_view fault) {
  static constexpr std::array<std::string_view, 4> faults{"broker.stop", "broker.kill", "broker.restart",
                                                          "broker.pause"};
  return has(faults, fault);
}

bool is_secret_reference(std::string_view text) {
  if (text.starts_with("file:/")) return true;
  constexpr std::string_view env = "env:";
  if (!text.starts_with(env)) return false;
  text.remove_prefix(env.size());
  return text.starts_with(secret_variable_prefix) && text.size() > secret_variable_prefix.size() &&
         text.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == std::string_view::npos;
}

WorkloadNames names_of(const Workload& workload) {
  const Topology topology = topology_of(workload);
  WorkloadNames names;
  const auto add = [](std::vector<std::string>& list, const std::string& name) {
    if (!name.empty() && !has(list, name)) list.push_back(name);
  };
  for (const auto& exchange : topology.exchanges) add(names.exchanges, exchange.name);
  for (const auto& destination : topology.destinations) add(names.exchanges, destination.exchange);
  for (const auto& queue : topology.queues) add(names.queues, queue.name);
  if (const auto& dead = workload.queue.dead_letter) {
    add(names.exchanges, dead->exchange);
    add(names.queues, dead->queue);
  }
  if (workload.consume.on_failure == Consume::OnFailure::republish) {
    add(names.exchanges, workload.consume.error.exchange);
    add(names.queues, workload.consume.error.queue);
  }
  return names;
}

std::string refusal(const BrokerAttachment& attachment, const Workload& workload, std::string_view fault,
                    const Parameters& parameters) {
  if (!fault.starts_with("broker.")) return {};
  const std::string name{fault};
  if (const auto why = beyond_management(fault); !why.empty())
    return name + " cannot act on an attached broker: " + std::string{why};
  if (has(faults_to_allow, fault) && !has(attachment.allow, fault)) {
    return name + " " + why_to_allow(fault) + "; allow it by name: system.broker.attach.allow = [\"" + name + "\"]";
  }
  if (acts_on_server(fault) && !attachment.control.any())
    return name + " needs a way to stop and start the broker: [system.broker.attach.control]";
  const WorkloadNames ours = names_of(workload);
  const std::string queue = text_parameter(parameters, "queue"), exchange = text_parameter(parameters, "exchange");
  if (!queue.empty() && !has(ours.queues, queue))
    return name + " acts on the workload's own queues only, and '" + queue + "' is none of them";
  if (!exchange.empty() && !has(ours.exchanges, exchange))
    return name + " acts on the workload's own exchanges only, and '" + exchange + "' is none of them";
  if (fault == "broker.policy" && attachment.shared_vhost) {
    for (const char* key : {"name", "pattern"}) {
      const std::string given = text_parameter(parameters, key);
      if (!given.empty() && given != "troop.policy")
        return name + ": '" + key + "' could govern other people's queues in a shared vhost; leave it out";
    }
    if (text_parameter(parameters, "apply_to") == "all")
      return name + ": apply_to = \"all\" could govern other people's exchanges in a shared vhost; leave it out";
  }
  return {};
}

std::string_view back_end(const BrokerAttachment& attachment, std::string_view fault) {
  if (!fault.starts_with("broker.")) return {};
  if (!acts_on_server(fault)) return "the management API of the attached broker";
  const auto& control = attachment.control;
  if (!control.systemd.empty()) return "systemctl on the broker's unit";
  if (!control.docker.empty()) return "the Docker engine's API on the broker's container";
  if (!control.pid_file.empty())
    return "a signal to the process of the pid file; started again by a command of the host's policy file";
  return "a command of the host's policy file";
}

std::string to_text(const BrokerAttachment::Control& control) {
  if (!control.systemd.empty()) return "unit " + control.systemd;
  if (!control.docker.empty()) return "container " + control.docker;
  if (!control.pid_file.empty()) return "pid file " + control.pid_file + ", started by command " + control.command;
  if (!control.command.empty()) return "command " + control.command;
  return {};
}

}  // namespace troop::model
