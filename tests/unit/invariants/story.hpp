// Small histories, told event by event.
#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <vector>

#include "reports/invariants/judge.hpp"

namespace troop::invariants {

class Story {
 public:
  /// Any event; `rest` are further fields, as JSON, without braces. Times count seconds from the first event on.
  Story& event(std::string_view process, std::string_view type, std::string_view f, std::string_view rest = {}) {
    return at(static_cast<double>(events_), process, type, f, rest);
  }
  Story& at(double seconds, std::string_view process, std::string_view type, std::string_view f,
            std::string_view rest = {}) {
    text_ += fmt::format(R"({{"index":{},"time":{},"process":"{}","type":"{}","f":"{}"{}{}}})"
                         "\n",
                         events_++, static_cast<std::int64_t>(seconds * 1e9), process, type, f, rest.empty() ? "" : ",",
                         rest);
    return *this;
  }
  Story& invoke(std::string_view id, int attempt = 1, int seq = 0, std::string_view rest = R"("queue":"q")") {
    return event("producer-1", "invoke", "publish",
                 fmt::format(R"("id":"{}","attempt":{},"key":"k","seq":{},{})", id, attempt, seq, rest));
  }
  Story& ok(std::string_view id, int attempt = 1) { return complete("ok", id, attempt, ""); }
  Story& fail(std::string_view id, int attempt = 1, std::string_view error = "nack") {
    return complete("fail", id, attempt, error);
  }
  Story& info(std::string_view id, int attempt = 1) { return complete("info", id, attempt, "timeout"); }
  /// Published and confirmed.
  Story& sent(std::string_view id, int seq = 0) { return invoke(id, 1, seq).ok(id); }
  Story& deliver(std::string_view id, int attempt = 1, int seq = 0, bool redelivered = false,
                 std::string_view queue = "q", std::string_view channel = "c-1") {
    return event("consumer-1", "ok", "deliver",
                 fmt::format(R"("id":"{}","attempt":{},"producer":"producer-1","key":"k","seq":{},"queue":"{}",)"
                             R"("channel":"{}","tag":{},"redelivered":{})",
                             id, attempt, seq, queue, channel, ++tag_, redelivered));
  }
  Story& ack(int tag, bool multiple = false, std::string_view channel = "c-1") {
    return event("consumer-1", "info", "ack",
                 fmt::format(R"("channel":"{}","tag":{},"multiple":{})", channel, tag, multiple));
  }
  Story& effect(std::string_view id, std::string_view queue = "q") {
    return event("consumer-1", "ok", "effect", fmt::format(R"("id":"{0}","key":"{0}","queue":"{1}")", id, queue));
  }
  Story& drain(std::string_view queue = "q") {
    return event("controller", "ok", "drain", fmt::format(R"("queue":"{}")", queue));
  }
  Story& fault(std::string_view type, std::string_view phase, std::string_view name = "broker.kill") {
    return event("agent-1", type, "fault", fmt::format(R"("name":"{}","target":"broker","phase":"{}")", name, phase));
  }
  Story& run_start(std::string_view rest = R"("seed":1)") {
    return event("controller", "info", "run", fmt::format(R"("phase":"start",{})", rest));
  }
  Story& run_stop(std::string_view reason = "completed") {
    return event("controller", "info", "run", fmt::format(R"("phase":"stop","reason":"{}")", reason));
  }

  [[nodiscard]] const std::string& text() const { return text_; }
  [[nodiscard]] std::int64_t events() const { return events_; }

 private:
  Story& complete(std::string_view type, std::string_view id, int attempt, std::string_view error) {
    return event("producer-1", type, "publish",
                 fmt::format(R"("id":"{}","attempt":{}{})", id, attempt,
                             error.empty() ? "" : fmt::format(R"(,"error":"{}")", error)));
  }
  std::string text_;
  std::int64_t events_ = 0;
  int tag_ = 0;
};

inline model::InvariantSpec delivery(std::string guarantee, std::vector<std::string> expect = {}) {
  return {"delivery", std::move(expect), {{"guarantee", std::move(guarantee)}}};
}

inline Judgement judge_one(const Story& story, const model::InvariantSpec& spec) {
  const auto judged = judge_text(story.text(), std::vector{spec});
  if (!judged) return {.kind = judged.error().context, .counts = {}, .anomalies = {}, .reasons = {}};
  return judged.value().invariants.at(0);
}

inline std::int64_t count(const Judgement& judgement, std::string_view name) {
  for (const auto& [known, value] : judgement.counts) {
    if (known == name) return value;
  }
  return -1;
}

}  // namespace troop::invariants
