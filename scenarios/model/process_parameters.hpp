// The keys that a fault on processes takes where its target is a host: which of the host's processes it means.
#pragma once

#include <array>
#include <string_view>
#include <vector>

#include "scenarios/model/catalogue.hpp"

namespace troop::model {

/// Ways to say which; a step on a host uses one.
inline constexpr std::array<std::string_view, 7> process_selectors{"name",   "command_line", "pid_file", "port",
                                                                   "cgroup", "unit",         "container"};
/// How many of them; likewise on hosts only.
inline constexpr std::array<std::string_view, 3> process_counts{"count", "percent", "keep_at_least"};

/// `own`, and after them those that select processes.
inline std::vector<Parameter> with_process_selectors(std::vector<Parameter> own = {}) {
  const std::vector<Parameter> selectors{
      {.name = "name",
       .type = ParameterType::text,
       .what = "on a host: processes whose program is called exactly so, as ps -o comm or its file"},
      {.name = "command_line",
       .type = ParameterType::text,
       .what = "on a host: processes with exactly these arguments, blanks between them; *, ? and [a-z] match any"},
      {.name = "pid_file", .type = ParameterType::text, .what = "on a host: the process that this file names"},
      {.name = "port",
       .type = ParameterType::integer,
       .what = "on a host: processes that listen on this TCP port",
       .minimum = 1,
       .maximum = 65535},
      {.name = "cgroup",
       .type = ParameterType::text,
       .what = "on a host: processes in this control group or below, as in /proc/PID/cgroup"},
      {.name = "unit",
       .type = ParameterType::text,
       .what = "on a host: processes in the control group of this unit of systemd, such as nginx.service, or below"},
      {.name = "container",
       .type = ParameterType::text,
       .what = "on a host: processes of this Docker container, by name or id"},
      {.name = "count",
       .type = ParameterType::integer,
       .what = "so many of them, chosen by the seed; without it and `percent` one",
       .minimum = 1,
       .maximum = 10000},
      {.name = "percent",
       .type = ParameterType::number,
       .what = "so many percent of them, rounded up, chosen by the seed",
       .minimum = 0.01,
       .maximum = 100},
      {.name = "keep_at_least",
       .type = ParameterType::integer,
       .what = "so many of them are left alone, else nothing is done; without it 0",
       .minimum = 0,
       .maximum = 10000},
  };
  own.insert(own.end(), selectors.begin(), selectors.end());
  return own;
}

}  // namespace troop::model
