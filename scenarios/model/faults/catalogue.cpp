#include "scenarios/model/faults/catalogue.hpp"

#include <algorithm>

#include "scenarios/model/faults/broker_close_channel.hpp"
#include "scenarios/model/faults/broker_close_connections.hpp"
#include "scenarios/model/faults/broker_delete_binding.hpp"
#include "scenarios/model/faults/broker_delete_exchange.hpp"
#include "scenarios/model/faults/broker_delete_queue.hpp"
#include "scenarios/model/faults/broker_disk_alarm.hpp"
#include "scenarios/model/faults/broker_kill.hpp"
#include "scenarios/model/faults/broker_memory_alarm.hpp"
#include "scenarios/model/faults/broker_pause.hpp"
#include "scenarios/model/faults/broker_policy.hpp"
#include "scenarios/model/faults/broker_purge.hpp"
#include "scenarios/model/faults/broker_queue_full.hpp"
#include "scenarios/model/faults/broker_restart.hpp"
#include "scenarios/model/faults/broker_stop.hpp"
#include "scenarios/model/faults/broker_stop_app.hpp"
#include "scenarios/model/faults/broker_suspend_listeners.hpp"
#include "scenarios/model/faults/clock_skew.hpp"
#include "scenarios/model/faults/cpu_burn.hpp"
#include "scenarios/model/faults/disk_fill.hpp"
#include "scenarios/model/faults/fd_exhaust.hpp"
#include "scenarios/model/faults/instance_kill.hpp"
#include "scenarios/model/faults/io_burn.hpp"
#include "scenarios/model/faults/memory_fill.hpp"
#include "scenarios/model/faults/network_bandwidth.hpp"
#include "scenarios/model/faults/network_blackhole.hpp"
#include "scenarios/model/faults/network_corrupt.hpp"
#include "scenarios/model/faults/network_dns.hpp"
#include "scenarios/model/faults/network_duplicate.hpp"
#include "scenarios/model/faults/network_latency.hpp"
#include "scenarios/model/faults/network_loss.hpp"
#include "scenarios/model/faults/network_partition.hpp"
#include "scenarios/model/faults/network_reject.hpp"
#include "scenarios/model/faults/network_reorder.hpp"
#include "scenarios/model/faults/network_reset.hpp"
#include "scenarios/model/faults/process_crash_loop.hpp"
#include "scenarios/model/faults/process_kill.hpp"
#include "scenarios/model/faults/process_pause.hpp"
#include "scenarios/model/faults/service_stop.hpp"
#include "scenarios/model/faults/zone_down.hpp"

namespace troop::model {

const std::vector<FaultSpec>& faults() {
  static const std::vector<FaultSpec> all{
      broker_stop(),
      broker_kill(),
      broker_pause(),
      broker_restart(),
      broker_stop_app(),
      broker_suspend_listeners(),
      broker_close_connections(),
      broker_close_channel(),
      broker_memory_alarm(),
      broker_disk_alarm(),
      broker_queue_full(),
      broker_policy(),
      broker_purge(),
      broker_delete_queue(),
      broker_delete_exchange(),
      broker_delete_binding(),
      process_kill(),
      process_pause(),
      process_crash_loop(),
      instance_kill(),
      service_stop(),
      zone_down(),
      clock_skew(),
      cpu_burn(),
      memory_fill(),
      disk_fill(),
      io_burn(),
      fd_exhaust(),
      network_latency(),
      network_partition(),
      network_reject(),
      network_loss(),
      network_duplicate(),
      network_corrupt(),
      network_reorder(),
      network_bandwidth(),
      network_reset(),
      network_blackhole(),
      network_dns(),
  };
  return all;
}

const FaultSpec* find_fault(const std::vector<FaultSpec>& faults, std::string_view name) {
  const auto found = std::ranges::find(faults, name, &FaultSpec::name);
  return found == faults.end() ? nullptr : &*found;
}

}  // namespace troop::model
