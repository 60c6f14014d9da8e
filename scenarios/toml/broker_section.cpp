#include "scenarios/toml/broker_section.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "scenarios/model/topology.hpp"
#include "scenarios/toml/units.hpp"

namespace troop::scenarios {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t max_entries = 256;
constexpr std::size_t nodes_max = 7;

/// Where a secret is. What is written is never shown again: it may be the secret itself.
void read_reference(TableReader& reader, std::string_view key, std::string_view why, std::string& out) {
  if (!reader.require(key, why)) return;
  reader.text(key, out, {.max_bytes = 4096});
  if (!out.empty() && !model::is_secret_reference(out)) {
    out.clear();
    reader.problem(key, fmt::format("'{}' must say where it is kept: env:TROOP_NAME or file:/path; a URL itself does "
                                    "not belong into a scenario",
                                    key));
  }
}

void read_control(TableReader& reader, model::BrokerAttachment::Control& control) {
  reader.text("systemd", control.systemd);
  reader.text("docker", control.docker);
  reader.text("pid_file", control.pid_file, {.max_bytes = 4096});
  reader.text("command", control.command, {.max_bytes = 64, .lower_case_name = true});
  const bool has_pid_file = reader.has("pid_file"), has_command = reader.has("command");
  const int ways = int{reader.has("systemd")} + int{reader.has("docker")} + int{has_pid_file || has_command};
  if (ways != 1)
    reader.problem_here("give one way to stop and start the broker: systemd, docker, command, or pid_file and command");
  if (has_pid_file && !has_command)
    reader.problem("pid_file", "'pid_file' says whom to signal; 'command' must say how the broker is started again");
  if (has_pid_file && !control.pid_file.empty() && !control.pid_file.starts_with('/'))
    reader.problem("pid_file", "'pid_file' must be an absolute path, such as /run/rabbitmq/pid");
  reader.finish();
}

void read_attach(TableReader& reader, model::BrokerAttachment& attach) {
  read_reference(reader, "url_from", "where the agent finds amqp[s]://user:password@host:port", attach.url_from);
  read_reference(reader, "management_from", "where the agent finds http[s]://host:port of the management API",
                 attach.management_from);
  reader.text("ca_file", attach.ca_file, {.max_bytes = 4096});
  if (reader.has("ca_file") && !attach.ca_file.starts_with('/'))
    reader.problem("ca_file", "'ca_file' must be an absolute path, such as /etc/rabbitmq/ca.pem");
  if (reader.require("vhost", "the one place in that broker where the run works")) reader.text("vhost", attach.vhost);
  reader.boolean("create", attach.create);
  reader.boolean("shared_vhost", attach.shared_vhost);
  if (attach.create && attach.shared_vhost)
    reader.problem("shared_vhost", "'shared_vhost': a vhost that the run makes is shared with nobody");
  if (attach.vhost == "/" && (attach.create || !attach.shared_vhost))
    reader.problem("vhost", "'vhost': \"/\" is everybody's; name one of Troop's own, or say shared_vhost = true");
  reader.text_list("allow", attach.allow, max_entries);
  const std::vector<std::string> known{model::faults_to_allow.begin(), model::faults_to_allow.end()};
  for (std::size_t i = 0; i < attach.allow.size(); ++i) {
    if (std::ranges::find(known, attach.allow[i]) != known.end()) continue;
    reader.problem(fmt::format("allow.{}", i), fmt::format("{} is no fault that has to be allowed{}",
                                                           in_quotes(attach.allow[i]), hint(attach.allow[i], known)));
  }
  if (auto control = reader.table("control")) read_control(*control, attach.control);
  reader.finish();
}

void read_plugins(TableReader& reader, model::Broker& broker) {
  reader.text_list("plugins", broker.plugins, 32);
  for (std::size_t i = 0; i < broker.plugins.size(); ++i) {
    const std::string& name = broker.plugins[i];
    if (model::is_plugin_name(name)) continue;
    reader.problem(fmt::format("plugins.{}", i),
                   fmt::format("{} is no name of a plugin, such as \"{}\"", in_quotes(name), model::delay_plugin));
  }
  reader.text("plugins_dir", broker.plugins_dir, {.max_bytes = 4096});
  if (reader.has("plugins_dir") &&
      (!broker.plugins_dir.starts_with('/') || broker.plugins_dir.find(':') != std::string::npos)) {
    reader.problem("plugins_dir", "'plugins_dir' must be an absolute path without colons");
  }
}

void read_cluster(TableReader& reader, model::Broker& broker) {
  static constexpr std::array<std::string_view, 3> ways{"ignore", "pause_minority", "autoheal"};
  if (const auto chosen = reader.choice("on_partition", ways))
    broker.on_partition = static_cast<model::Broker::OnPartition>(*chosen);
  reader.duration("net_ticktime", broker.net_ticktime, 1s, 1h);
  if (broker.net_ticktime % 1s != 0ms) reader.problem("net_ticktime", "'net_ticktime': whole seconds only");
  if (!reader.has("nodes_on")) {
    for (const char* key : {"on_partition", "net_ticktime"}) {
      if (reader.has(key)) reader.problem(key, fmt::format("'{}' is for a cluster: 'nodes_on' has its hosts", key));
    }
    return;
  }
  const std::vector<std::string> not_read{"", ""};
  std::vector<std::string> nodes = not_read;
  reader.text_list("nodes_on", nodes, nodes_max);
  if (nodes.size() < 2) reader.problem("nodes_on", "'nodes_on': a cluster has two nodes at least");
  if (reader.has("host")) reader.problem("host", "'host' is for one broker; 'nodes_on' has the hosts of a cluster");
  if (nodes == not_read || nodes.size() < 2) return;
  broker.nodes_on = std::move(nodes);
  broker.host = broker.nodes_on.front();
}

}  // namespace

void read_broker(TableReader& reader, model::Broker& broker) {
  static constexpr std::array<std::string_view, 1> kinds{"rabbitmq"};
  reader.choice("kind", kinds);
  reader.boolean("managed", broker.managed);
  if (!reader.has("managed")) broker.managed = !reader.has("attach");
  std::int64_t port = broker.port;
  reader.integer("port", port, 0, 65535);
  broker.port = static_cast<std::uint16_t>(port);
  std::string binary = broker.binary;
  reader.text("binary", binary, {.max_bytes = 4096});
  if (binary.starts_with('/'))
    broker.binary = binary;
  else
    reader.problem("binary", "'binary' must be an absolute path, such as " + broker.binary);
  reader.duration("start_timeout", broker.start_timeout, 1s, 1h);
  read_plugins(reader, broker);
  reader.integer("disk_mib", broker.disk_mib, 96, 65536);  // the broker's alarm comes at 50 MB free
  reader.text("host", broker.host, {.max_bytes = 64, .lower_case_name = true});
  read_cluster(reader, broker);
  if (auto attach = reader.table("attach")) {
    if (broker.managed) reader.problem("managed", "'managed': an attached broker is run by others; use false");
    for (const char* key :
         {"port", "binary", "plugins", "plugins_dir", "disk_mib", "host", "nodes_on", "on_partition", "net_ticktime"}) {
      if (reader.has(key)) reader.problem(key, fmt::format("'{}' is for a broker that Troop starts", key));
    }
    read_attach(*attach, broker.attach.emplace());
  } else if (!broker.managed && !reader.has("attach")) {
    reader.problem("managed", "'managed': without a broker of its own a run needs [system.broker.attach]");
  }
  reader.finish();
}

}  // namespace troop::scenarios
