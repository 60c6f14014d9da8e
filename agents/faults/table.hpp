// The faults, one object per file. A new fault: its file, a line here, a line in table.cpp, its entry in the catalogue.
#pragma once

#include "agents/fault.hpp"

namespace troop::agents {

extern const Fault broker_close_channel;
extern const Fault broker_close_connections;
extern const Fault broker_delete_binding;
extern const Fault broker_delete_exchange;
extern const Fault broker_delete_queue;
extern const Fault broker_disk_alarm;
extern const Fault broker_kill;
extern const Fault broker_memory_alarm;
extern const Fault broker_pause;
extern const Fault broker_policy;
extern const Fault broker_purge;
extern const Fault broker_queue_full;
extern const Fault broker_restart;
extern const Fault broker_stop;
extern const Fault broker_stop_app;
extern const Fault broker_suspend_listeners;
extern const Fault network_bandwidth;
extern const Fault network_blackhole;
extern const Fault network_corrupt;
extern const Fault network_dns;
extern const Fault network_duplicate;
extern const Fault network_latency;
extern const Fault network_loss;
extern const Fault network_partition;
extern const Fault network_reject;
extern const Fault network_reorder;
extern const Fault clock_skew;
extern const Fault cpu_burn;
extern const Fault disk_fill;
extern const Fault fd_exhaust;
extern const Fault instance_kill;
extern const Fault io_burn;
extern const Fault memory_fill;
extern const Fault process_crash_loop;
extern const Fault network_reset;
extern const Fault process_kill;
extern const Fault process_pause;
extern const Fault service_stop;

}  // namespace troop::agents
