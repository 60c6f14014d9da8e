#include "reports/invariants/catalogue.hpp"

#include "reports/invariants/table.hpp"

namespace troop::invariants {

using model::ParameterType;

std::span<const TableEntry> table() {
  static const std::vector<TableEntry> entries{
      {{.kind = "delivery",
        .summary = "every confirmed message arrives, and none more often than promised",
        .anomalies = {"lost", "duplicated", "redelivered", "unexpected", "aborted", "vanished"},
        .parameters = {{.name = "guarantee",
                        .type = ParameterType::choice,
                        .what = "what is promised",
                        .required = true,
                        .choices = {"at-least-once", "at-most-once", "exactly-once"}}}},
       make_delivery},
      {{.kind = "order",
        .summary = "first deliveries come in the order they were published, within each consumer channel",
        .anomalies = {"inversion"},
        .parameters = {{.name = "per",
                        .type = ParameterType::choice,
                        .what = "what has an order of its own, within each queue and channel",
                        .fallback = "key",
                        .choices = {"key", "producer", "queue"}}}},
       make_order},
      {{.kind = "accounting",
        .summary = "every confirmed copy was acknowledged or is in a sink",
        .anomalies = {"unaccounted"},
        .parameters = {}},
       make_accounting},
      {{.kind = "effect",
        .summary = "what each confirmed message stands for was done exactly once",
        .anomalies = {"double", "lost"},
        .parameters = {}},
       make_effect},
      {{.kind = "recovery",
        .summary = "the steady state is back in time after each fault",
        .anomalies = {"not-recovered"},
        .parameters = {{.name = "within",
                        .type = ParameterType::duration,
                        .what = "longest time from a fault's proven end to the steady state",
                        .required = true,
                        .minimum = 0},
                       {.name = "windows",
                        .type = ParameterType::integer,
                        .what = "how many good windows in a row make the steady state",
                        .fallback = "3",
                        .minimum = 1,
                        .maximum = 1000}}},
       make_recovery},
      {{.kind = "exercised",
        .summary = "the run tested something: each fault took effect under load",
        .anomalies = {},
        .parameters =
            {{.name = "publishes",
              .type = ParameterType::integer,
              .what = "publishes invoked while a fault was in force, at least",
              .fallback = "100",
              .minimum = 100},
             {.name = "outstanding",
              .type = ParameterType::integer,
              .what = "publishes without completion when a fault began (between the request and its proof), at least",
              .fallback = "1",
              .minimum = 1}}},
       make_exercised},
  };
  return entries;
}

const std::vector<model::InvariantEntry>& catalogue() {
  static const std::vector<model::InvariantEntry> entries = [] {
    std::vector<model::InvariantEntry> list;
    for (const auto& [entry, make] : table()) list.push_back(entry);
    return list;
  }();
  return entries;
}

}  // namespace troop::invariants
