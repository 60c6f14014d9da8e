#include "agents/workers/worker.hpp"

#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "agents/workers/config.hpp"
#include "agents/workers/consumer.hpp"
#include "agents/workers/producer.hpp"
#include "agents/workers/recorder.hpp"
#include "agents/workers/ring.hpp"
#include "scenarios/model/topology.hpp"

namespace troop::agents {
namespace {

/// False if the agent is gone already: then PDEATHSIG, which looks only forward, would never come.
bool die_with_agent(std::int32_t agent_pid) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  return getppid() == agent_pid || kill(agent_pid, 0) == 0 || errno == EPERM;
}

Result<EffectsTable> map_effects(const model::Workload& workload, int fd) {
  return EffectsTable::map(fd, model::topology_of(workload).count(model::QueueDeclaration::Use::work),
                           static_cast<std::size_t>(workload.producers));
}

}  // namespace

int worker_main(int config_fd, int ring_fd) {
  // A Ctrl-C in a terminal reaches every process; only the agent knows what has to end, and in which order.
  for (const int number : {SIGINT, SIGHUP, SIGPIPE}) signal(number, SIG_IGN);
  prctl(PR_SET_TIMERSLACK, 1000UL);  // ns: messages are due at exact times

  auto config = read_worker_config(config_fd);
  auto ring = RingWriter::attach(ring_fd);
  if (!config || !ring) {
    const Error& error = config ? ring.error() : config.error();
    std::fputs(("troop-agent worker: " + error.context + "\n").c_str(), stderr);
    return 2;
  }
  prctl(PR_SET_NAME, worker_name(config.value()).c_str());  // what ps and top call it
  close(config_fd);
  close(ring_fd);  // the mapping stays
  if (!die_with_agent(ring.value().agent_pid())) return 3;
  if (ring.value().restarted()) {
    Recorder{ring.value()}.connection(protocol::RecordKind::connection_restarted, protocol::RecordError::none, 0);
  }
  if (config.value().role == WorkerConfig::Role::producer) return run_producer(config.value(), ring.value());
  EffectsTable effects;
  if (const int fd = config.value().effects_fd; fd >= 0) {
    auto mapped = map_effects(config.value().workload, fd);
    if (!mapped) {
      std::fputs(("troop-agent worker: " + mapped.error().context + "\n").c_str(), stderr);
      return 2;
    }
    effects = std::move(mapped).value();
    close(fd);
  }
  return run_consumer(config.value(), std::move(effects), ring.value());
}

}  // namespace troop::agents
