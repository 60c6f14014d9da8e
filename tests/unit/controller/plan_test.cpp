#include "controller/plan/plan.hpp"

#include <gmock/gmock.h>

#include <boost/json/serialize.hpp>
#include <set>

#include "scenarios/model/faults/catalogue.hpp"

namespace troop::controller {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

model::Catalogue catalogue() {
  return {.faults = model::faults(),
          .probes = {{.name = "amqp.publish",
                      .summary = "publishes",
                      .measures = {{.name = "success", .type = model::ParameterType::number, .what = "ratio"},
                                   {.name = "p99", .type = model::ParameterType::duration, .what = "time"}}}},
          .invariants = {}};
}

model::Scenario scenario_with(std::vector<model::Step> steps) {
  model::Scenario scenario;
  scenario.name = "x";
  scenario.workload.producers = 3;
  scenario.workload.consumers = 5;
  scenario.steps = std::move(steps);
  return scenario;
}

TEST(Plan, takes_every_step_over_with_what_the_catalogue_says) {
  const auto scenario =
      scenario_with({{.at = 1s, .fault = "broker.stop", .target = "broker", .period = Duration{5s}, .parameters = {}},
                     {.at = 9s, .fault = "process.kill", .target = "consumer-2", .period = {}, .parameters = {}}});
  const Plan plan = make_plan(scenario, catalogue(), 7);
  EXPECT_EQ(plan.seed, 7U);
  ASSERT_EQ(plan.steps.size(), 2U);
  EXPECT_EQ(plan.steps[0].number, 1U);
  EXPECT_EQ(plan.steps[0].victim, "broker");
  EXPECT_EQ(plan.steps[0].period, Duration{5s});
  EXPECT_EQ(plan.steps[0].spec.undo_max, 60s);
  EXPECT_EQ(plan.steps[1].number, 2U);
  EXPECT_EQ(plan.steps[1].at, 9s);
  EXPECT_EQ(plan.steps[1].victim, "consumer-2");
}

TEST(Plan, chooses_the_same_victim_for_the_same_seed_and_every_worker_for_some_seed) {
  const auto scenario =
      scenario_with({{.at = 1s, .fault = "process.kill", .target = "consumer", .period = {}, .parameters = {}}});
  std::set<std::string> victims;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    const Plan plan = make_plan(scenario, catalogue(), seed);
    EXPECT_EQ(plan.steps[0].victim, make_plan(scenario, catalogue(), seed).steps[0].victim);
    EXPECT_EQ(plan.steps[0].target, "consumer");
    victims.insert(plan.steps[0].victim);
  }
  EXPECT_THAT(victims, testing::ElementsAre("consumer-1", "consumer-2", "consumer-3", "consumer-4", "consumer-5"));
}

TEST(Plan, a_step_more_changes_no_other_steps_victim) {
  const model::Step first{.at = 1s, .fault = "process.kill", .target = "producer", .period = {}, .parameters = {}};
  const model::Step second{.at = 2s, .fault = "process.kill", .target = "consumer", .period = {}, .parameters = {}};
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    EXPECT_EQ(make_plan(scenario_with({first}), catalogue(), seed).steps[0].victim,
              make_plan(scenario_with({first, second}), catalogue(), seed).steps[0].victim);
  }
}

model::Scenario three_zones() {
  auto scenario = scenario_with({});
  scenario.hosts = {{.name = "a", .zone = "left"}, {.name = "b", .zone = "right"}, {.name = "c", .zone = "right"}};
  scenario.broker.nodes_on = {"a", "b", "c"};
  scenario.broker.host = "a";
  scenario.workload.producers_on = {"a"};
  scenario.workload.consumers_on = {"c", "a"};
  return scenario;
}

TEST(Plan, takes_everything_in_a_zone_down_at_once_and_nothing_else) {
  auto scenario = three_zones();
  scenario.steps = {{.at = 2s, .fault = "zone.down", .target = "right", .period = Duration{3s}, .parameters = {}}};
  const Plan plan = make_plan(scenario, catalogue(), 7);
  std::vector<std::string> told;
  for (const auto& step : plan.steps) {
    EXPECT_EQ(step.number, told.size() + 1);
    EXPECT_EQ(step.at, 2s);
    EXPECT_EQ(step.period, Duration{3s});
    EXPECT_EQ(step.spec.name, step.fault);
    told.push_back(step.fault + " " + step.victim);
  }
  EXPECT_THAT(told, testing::ElementsAre("broker.kill broker-2", "broker.kill broker-3", "process.kill consumer-1",
                                         "process.kill consumer-3", "process.kill consumer-5"));
  EXPECT_THAT(to_text(plan, scenario), HasSubstr("process.kill on consumer-3 (of right), held 3s"));
}

TEST(Plan, cuts_each_pair_at_one_end_with_the_hosts_that_lose_most) {
  auto scenario = three_zones();
  scenario.steps = {{.at = 2s,
                     .fault = "network.partition",
                     .target = "hosts",
                     .period = Duration{3s},
                     .parameters = {{"groups", std::string{"zone-against-zone"}}, {"direction", std::string{"both"}}}},
                    {.at = 9s, .fault = "process.kill", .target = "consumer", .period = {}, .parameters = {}}};
  const Plan plan = make_plan(scenario, catalogue(), 7);
  ASSERT_EQ(plan.steps.size(), 2U);
  EXPECT_EQ(plan.steps[0].victim, "a");
  EXPECT_EQ(plan.steps[0].parameters,
            (model::Parameters{{"direction", std::string{"both"}}, {"peers", std::vector<std::string>{"b", "c"}}}));
  EXPECT_FALSE(plan.steps[0].by_seed);
  EXPECT_TRUE(plan.steps[1].by_seed);
  EXPECT_EQ(plan.steps[1].number, 2U);
}

TEST(Plan, tells_people_what_happens_and_what_cannot_be_undone) {
  auto scenario = scenario_with({{.at = 1s,
                                  .fault = "process.kill",
                                  .target = "consumer",
                                  .period = Duration{2s},
                                  .parameters = {{"signal", std::string{"SIGTERM"}}}}});
  scenario.steady_state.push_back(
      {.probe = "amqp.publish", .tolerance = {{"p99", {model::Bound::Op::less, 0.5}}}, .parameters = {}});
  const Plan plan = make_plan(scenario, catalogue(), 7);
  const std::string text = to_text(plan, scenario);
  EXPECT_THAT(text, HasSubstr("process.kill on " + plan.steps[0].victim + " (of consumer, by the seed), held 2s"));
  EXPECT_THAT(text, HasSubstr("signal = SIGTERM"));
  EXPECT_THAT(text, HasSubstr("at most 15s"));
  EXPECT_THAT(text, HasSubstr("not undone  - the worker's connection is closed"));
  EXPECT_THAT(text, HasSubstr("amqp.publish every 1s: p99 < 500ms"));
  EXPECT_THAT(text, HasSubstr("seed          7"));
}

TEST(Plan, tells_programs_the_same) {
  const auto scenario =
      scenario_with({{.at = 1s, .fault = "broker.restart", .target = "broker", .period = {}, .parameters = {}}});
  const auto json = to_json(make_plan(scenario, catalogue(), 7), scenario);
  EXPECT_EQ(json.at("seed").to_number<std::uint64_t>(), 7U);
  const auto& step = json.at("steps").as_array().at(0).as_object();
  EXPECT_EQ(step.at("at_ns").to_number<std::int64_t>(), 1'000'000'000);
  EXPECT_TRUE(step.at("for_ns").is_null());
  EXPECT_EQ(step.at("victim").as_string(), "broker");
  EXPECT_EQ(step.at("undo_max_ns").to_number<std::int64_t>(), 60'000'000'000);
  EXPECT_FALSE(step.at("irreversible").as_array().empty());
}

}  // namespace
}  // namespace troop::controller
