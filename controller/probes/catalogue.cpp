#include "controller/probes/catalogue.hpp"

namespace troop::controller {
namespace {

model::ProbeSpec amqp_publish() {
  using model::ParameterType;
  return {
      .name = "amqp.publish",
      .summary = "the workload's own publishes, judged once per interval; opens no connection",
      .measures = {{.name = "success",
                    .type = ParameterType::number,
                    .what = "confirmed publishes among those planned in the interval, as a ratio",
                    .minimum = 0,
                    .maximum = 1},
                   {.name = "p50",
                    .type = ParameterType::duration,
                    .what = "median time from the planned send to its confirm",
                    .minimum = 0},
                   {.name = "p99",
                    .type = ParameterType::duration,
                    .what = "the time that 99 % of the confirms took at most, from the planned send on",
                    .minimum = 0}},
  };
}

}  // namespace

const std::vector<model::ProbeSpec>& probes() {
  static const std::vector<model::ProbeSpec> all{amqp_publish()};
  return all;
}

}  // namespace troop::controller
