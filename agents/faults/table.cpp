#include "agents/faults/table.hpp"

#include <algorithm>
#include <array>

namespace troop::agents {

std::span<const Fault> faults() {
  static const std::array table{broker_close_channel,
                                broker_close_connections,
                                broker_delete_binding,
                                broker_delete_exchange,
                                broker_delete_queue,
                                broker_disk_alarm,
                                broker_kill,
                                broker_memory_alarm,
                                broker_pause,
                                broker_policy,
                                broker_purge,
                                broker_queue_full,
                                broker_restart,
                                broker_stop,
                                broker_stop_app,
                                broker_suspend_listeners,
                                network_bandwidth,
                                network_blackhole,
                                network_corrupt,
                                network_dns,
                                network_duplicate,
                                network_latency,
                                network_loss,
                                network_partition,
                                network_reject,
                                network_reorder,
                                network_reset,
                                instance_kill,
                                process_crash_loop,
                                process_kill,
                                process_pause,
                                service_stop,
                                clock_skew,
                                cpu_burn,
                                disk_fill,
                                io_burn,
                                memory_fill,
                                fd_exhaust};
  return table;
}

const Fault* find_fault(std::string_view name) {
  const auto all = faults();
  const auto found = std::find_if(all.begin(), all.end(), [&](const Fault& fault) { return fault.name == name; });
  return found == all.end() ? nullptr : &*found;
}

}  // namespace troop::agents
