// Run documents for the tests of the formats: one like a real run, and ones that are hard to print.
#pragma once

#include <cmath>
#include <string>

#include "reports/formats/run_document.hpp"

namespace troop::testing {

inline std::optional<Duration> at_ms(std::int64_t milliseconds) { return std::chrono::milliseconds{milliseconds}; }

/// A load of 2,000/s from second 7 to second 31, broken at 12 s for 5 s.
inline std::vector<formats::SeriesPoint> sample_series() {
  std::vector<formats::SeriesPoint> series;
  for (std::int64_t second = 7; second < 32; ++second) {
    const std::int64_t wobble = (second * 7919) % 23 - 11;
    formats::SeriesPoint point{.second = second,
                               .published = 2000 + wobble / 4,
                               .confirmed = 2000 + wobble,
                               .delivered = 2000 - wobble,
                               .p50_ms = 1.4 + 0.05 * static_cast<double>(wobble % 5),
                               .p99_ms = 6.5 + 0.4 * static_cast<double>(wobble)};
    if (second == 12) point = {12, 620, 95, 83, 1.6, 14.25};
    if (second > 12 && second < 20) point = {second, 0, 0, 0, {}, {}};
    if (second == 20) point = {20, 5630, 4310, 4120, 6120.5, 8010.25};
    if (second == 21) point = {21, 7900, 7650, 7210, 3904.125, 6950};
    if (second == 22) point = {22, 6480, 7840, 7390, 1210, 4380.75};
    if (second == 23) point = {23, 2010, 2110, 3190, 240.5, 1370};
    point.connections = second >= 12 && second <= 20 ? 0 : 4;
    point.blocked = 0;
    if (second == 20) point.retries = 512;
    series.push_back(point);
  }
  return series;
}

/// Builds up while the consumers are gone; what was lost stays in it.
inline formats::QueueDepth sample_depth() {
  formats::QueueDepth line{"troop.work", {}};
  for (std::int64_t second = 7; second < 32; ++second) {
    line.depth.push_back(second < 12   ? 3 + second % 2
                         : second < 20 ? 215
                         : second < 23 ? 640 - (second - 20) * 180
                                       : 198);
  }
  return line;
}

inline formats::LogExcerpt sample_excerpt() {
  return {1,
          "evidence/broker.log",
          *at_ms(11'310),
          *at_ms(22'371),
          {{*at_ms(17'904), "info", "Feature flags: list of feature flags found:"},
           {*at_ms(17'905), "", "(61 lines left out here)"},
           {*at_ms(19'020), "warning", "msg_store_transient: rebuilding indices from scratch"},
           {*at_ms(20'371), "info", "started TCP listener on 127.0.0.1:41023"},
           {*at_ms(20'402), "info", "accepting AMQP connection <0.655.0> (127.0.0.1:51224 -> 127.0.0.1:41023)"},
           {*at_ms(20'410), "error",
            "operation queue.declare caused a channel exception not_found: no queue 'troop.work' in vhost '/'"}}};
}

inline invariants::Judged sample_judged() {
  using invariants::Outcome;
  invariants::Judged judged{invariants::Verdict::fail, 183'402, true, {}, {}};
  judged.invariants.push_back(
      {"delivery",
       Outcome::violated,
       {{"attempted", 50'498},
        {"confirmed", 49'986},
        {"failed", 0},
        {"indeterminate", 512},
        {"delivered", 49'788},
        {"lost", 198},
        {"unexpected", 0},
        {"duplicated", 14},
        {"redelivered", 83},
        {"recovered", 21},
        {"aborted", 0}},
       {{"lost", "p1-5021", {14'602, 14'611}, {"broker.kill"}}, {"lost", "p2-5018", {14'605, 14'612}, {"broker.kill"}}},
       {"198 confirmed messages were never delivered, though the queue was read to its end"},
       "guarantee = at-least-once"});
  judged.invariants.push_back(
      {"order", Outcome::holds, {{"inversions", 0}, {"max_displacement", 0}, {"redelivered_inversions", 83}}, {}, {}});
  judged.invariants.push_back({"accounting",
                               Outcome::violated,
                               {{"acknowledged", 49'788}, {"unaccounted", 198}},
                               {{"unaccounted", "p1-5021", {14'602, 14'611}, {"broker.kill"}}},
                               {"198 confirmed copies are in no sink"}});
  judged.invariants.push_back({"recovery",
                               Outcome::unknown,
                               {{"faults", 1}, {"recovered", 0}, {"recovery_ms_max", 0}, {"undo_ms_max", 3020}},
                               {},
                               {"only 2 good windows were seen after broker.kill; 3 in a row are needed"}});
  judged.invariants.push_back(
      {"exercised", Outcome::holds, {{"faults", 1}, {"publishes", 615}, {"outstanding", 37}}, {}, {}});
  return judged;
}

/// A run that failed, with something in every field.
inline formats::RunDocument sample_document() {
  formats::RunDocument document;
  document.id = "20261121-081402-broker-kill-transient-7f3a";
  document.tool_version = "0.1.0";
  document.scenario_name = "broker-kill-transient";
  document.scenario_title = "RabbitMQ is killed while it holds transient messages";
  document.hypothesis = "No confirmed message is lost, order holds per key, and producers recover within 10 s";
  document.tags = {"broker", "unsafe"};
  document.scenario_path = "scenarios/library/broker/kill-transient.toml";
  document.scenario_text =
      "name       = \"broker-kill-transient\"\n"
      "title      = \"RabbitMQ is killed while it holds transient messages\"\n"
      "duration   = \"20s\"\n\n"
      "[workload]\nkind = \"amqp\"\nproducers = 2\nconsumers = 2\n"
      "rate = 2000                      # messages per second, all producers together; open loop\n\n"
      "[workload.publish]\npersistent = false               # what this scenario is about\n\n"
      "[[step]]\nat = \"5s\"\nfault = \"broker.kill\"\ntarget = \"broker\"\nfor = \"5s\"\n";
  document.overrides = {"invariant.0.expect=[]"};
  document.seed = 4'711'042'193;
  document.started_wall_ns = 1'795'248'842'123'000'000;
  document.length = *at_ms(41'830);
  document.host_name = "ci-runner-3";
  document.host_kernel = "Linux 6.1.0-18-amd64 x86_64";
  document.host_cpus = 2;
  document.broker_kind = "rabbitmq";
  document.broker_version = "3.10.8";
  document.broker_port = 41'023;
  document.versions = {{"Erlang/OTP", "25"}, {"rabbitmq-c", "0.11.0"}};
  document.exit_code = 1;
  document.phases = {{"start broker", Duration{0}, at_ms(6'210)},   {"start workers", *at_ms(6'210), at_ms(6'540)},
                     {"steady state", *at_ms(6'540), at_ms(7'560)}, {"experiment", *at_ms(7'560), at_ms(27'560)},
                     {"recovery", *at_ms(27'560), at_ms(31'600)},   {"finish producers", *at_ms(31'600), at_ms(31'910)},
                     {"drain", *at_ms(31'910), at_ms(36'480)},      {"stop", *at_ms(36'480), at_ms(41'830)}};
  document.faults.push_back({.step = 1,
                             .name = "broker.kill",
                             .target = "broker",
                             .victim = "rabbit1@localhost",
                             .victim_pid = 4242,
                             .back_end = "SIGKILL to the broker's process",
                             .asked = at_ms(12'310),
                             .effective = at_ms(12'351),
                             .undo_asked = at_ms(17'352),
                             .restored = at_ms(20'371),
                             .steady = at_ms(24'560),
                             .proof = "port 41023 refuses connections since 41 ms after the signal",
                             .restored_proof = "port 41023 answers the AMQP header",
                             .irreversible = {"connections to the broker are gone", "transient messages are gone"},
                             .outcome = "proven",
                             .detail = ""});
  document.counts = {
      {"published", 50'498}, {"confirmed", 49'986}, {"delivered", 49'885}, {"lost", 198}, {"reconnects", 4}};
  document.problems = {"consumer-2 was ended with SIGKILL, since it did not stop within 5 s"};
  document.judged = sample_judged();
  document.series = sample_series();
  document.depths = {sample_depth()};
  document.excerpts = {sample_excerpt()};
  document.stories.push_back({0,
                              0,
                              {{*at_ms(12'302), "producer-1 publishes p1-5021 (attempt 1)", true},
                               {*at_ms(12'304), "the broker confirms p1-5021 (attempt 1) to producer-1", true},
                               {*at_ms(12'310), "fault broker.kill on broker is asked for", false},
                               {*at_ms(12'351), "fault broker.kill on broker is in force", false},
                               {*at_ms(17'352), "undo of broker.kill on broker is asked for", false},
                               {*at_ms(20'371), "fault broker.kill on broker is over, proven", false},
                               {*at_ms(36'470), "queue troop.work has been read to its end", false}}});
  document.stories.push_back({2, 0, document.stories[0].lines});
  document.stories.push_back({0,
                              1,
                              {{*at_ms(12'302), "producer-2 publishes p2-5018 (attempt 1)", true},
                               {*at_ms(12'305), "the broker confirms p2-5018 (attempt 1) to producer-2", true},
                               {*at_ms(36'470), "queue troop.work has been read to its end", false}}});
  return document;
}

/// A pass with as little as a run can have.
inline formats::RunDocument bare_document() {
  formats::RunDocument document;
  document.id = "r";
  document.scenario_name = "bare";
  document.exit_code = 0;
  document.judged = {invariants::Verdict::pass, 8, true, {}, {{"delivery", invariants::Outcome::holds, {}, {}, {}}}};
  return document;
}

/// Every text of the sample replaced by `text`.
inline formats::RunDocument hostile_document(const std::string& text) {
  formats::RunDocument document = sample_document();
  for (auto* field : {&document.id, &document.tool_version, &document.scenario_name, &document.scenario_title,
                      &document.hypothesis, &document.scenario_path, &document.scenario_text, &document.host_name,
                      &document.host_kernel, &document.broker_kind, &document.broker_version, &document.ended_by}) {
    *field = text;
  }
  document.tags = document.overrides = document.problems = document.judged.warnings = {text};
  document.versions = {{text, text}};
  document.counts = {{text, 1}};
  document.phases[0].name = text;
  auto& fault = document.faults[0];
  for (auto* field : {&fault.name, &fault.target, &fault.victim, &fault.back_end, &fault.proof, &fault.restored_proof,
                      &fault.outcome, &fault.detail}) {
    *field = text;
  }
  fault.irreversible = {text};
  auto& judgement = document.judged.invariants[0];
  judgement.kind = text;
  judgement.counts = {{text, 1}};
  judgement.reasons = {text};
  judgement.anomalies[0] = {text, text, {1}, {text}};
  document.stories[0].lines[0].text = text;
  document.depths[0].queue = text;
  document.excerpts[0].log = text;
  document.excerpts[0].lines[0] = {Duration{0}, text, text};
  document.excerpts[0].lines[1].text = text;
  return document;
}

}  // namespace troop::testing
