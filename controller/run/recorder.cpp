#include "controller/run/recorder.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace troop::controller {
namespace {

using history::Event;
using history::Subject;
using history::Type;
using protocol::Record;
using protocol::RecordError;
using protocol::RecordKind;

std::string_view to_text(RecordError error) {
  switch (error) {
    case RecordError::none:
      return "";
    case RecordError::nack:
      return "nack";
    case RecordError::returned:
      return "returned";
    case RecordError::timeout:
      return "timeout";
    case RecordError::connection_lost:
      return "connection-lost";
    case RecordError::channel_closed:
      return "channel-closed";
    case RecordError::retries_exhausted:
      return "retries-exhausted";
    case RecordError::not_sent:
      return "not-sent";
    case RecordError::unconfirmed:
      return "unconfirmed";
    case RecordError::refused:
      return "refused";
  }
  return "unknown";
}

std::string_view to_text(protocol::SinkReason reason) {
  static constexpr std::array<std::string_view, 5> names{"dead-lettered", "expired", "rejected", "overflow", "queued"};
  return names.at(static_cast<std::size_t>(reason));
}

struct Shape {
  Type type;
  Subject f;
  std::string_view value = {};  ///< As JSON.
};

Shape shape(RecordKind kind) {
  switch (kind) {
    case RecordKind::publish_invoke:
      return {Type::invoke, Subject::publish};
    case RecordKind::publish_ok:
      return {Type::ok, Subject::publish};
    case RecordKind::publish_fail:
      return {Type::fail, Subject::publish};
    case RecordKind::publish_info:
      return {Type::info, Subject::publish};
    case RecordKind::deliver:
    case RecordKind::deliver_foreign:
      return {Type::ok, Subject::deliver};
    case RecordKind::ack:
      return {Type::info, Subject::ack};
    case RecordKind::connection_up:
      return {Type::info, Subject::connection, "\"up\""};
    case RecordKind::connection_lost:
      return {Type::info, Subject::connection, "\"lost\""};
    case RecordKind::connection_blocked:
      return {Type::info, Subject::connection, "\"blocked\""};
    case RecordKind::connection_unblocked:
      return {Type::info, Subject::connection, "\"unblocked\""};
    case RecordKind::connection_cancelled:
      return {Type::info, Subject::connection, "\"cancelled\""};
    case RecordKind::connection_channel_closed:
      return {Type::info, Subject::connection, "\"channel-closed\""};
    case RecordKind::nack:
      return {Type::info, Subject::nack};
    case RecordKind::reject:
      return {Type::info, Subject::reject};
    case RecordKind::effect:
      return {Type::ok, Subject::effect};
    case RecordKind::sink:
      return {Type::ok, Subject::sink};
    case RecordKind::connection_restarted:
      return {Type::info, Subject::connection, "\"restarted\""};
  }
  return {Type::info, Subject::other};
}

/// Text built in place, without an allocation: histories have millions of these.
class Text {
 public:
  template <class... Args>
  explicit Text(fmt::format_string<Args...> format, Args&&... args) {
    const auto end = fmt::format_to_n(buffer_.data(), buffer_.size(), format, std::forward<Args>(args)...);
    size_ = std::min(end.size, buffer_.size());
  }
  [[nodiscard]] std::string_view view() const { return {buffer_.data(), size_}; }

 private:
  std::array<char, 48> buffer_{};
  std::size_t size_ = 0;
};

}  // namespace

Result<Recorder> Recorder::open(const std::filesystem::path& directory, std::int64_t began) {
  BOOST_OUTCOME_TRY(auto writer, history::Writer::open(directory / "history.ndjson"));
  return Recorder{std::move(writer), began};
}

void Recorder::set_names(std::vector<std::string> workers, model::Topology topology) {
  workers_ = std::move(workers);
  topology_ = std::move(topology);
}

void Recorder::add(const protocol::RecordBatch& batch) {
  if (batch.worker >= workers_.size()) return;  // before set_names(): workers have not been started
  for (const Record& record : batch.records) {
    count(record);
    pending_.push_back({record.time, arrivals_++, batch.worker, record});
  }
}

void Recorder::add(std::int64_t monotonic, OtherEvent event) {
  pending_.push_back({monotonic, arrivals_++, 0, std::move(event)});
}

void Recorder::count(const Record& record) {
  switch (record.kind) {
    case RecordKind::publish_invoke:
      ++counts_.published;
      if (record.attempt <= 1) counts_.longest_wait = std::max(counts_.longest_wait, record.time - record.intended);
      break;
    case RecordKind::publish_ok:
      ++counts_.confirmed;
      break;
    case RecordKind::publish_fail:
      ++counts_.failed;
      break;
    case RecordKind::publish_info:
      ++counts_.indeterminate;
      break;
    case RecordKind::deliver:
    case RecordKind::deliver_foreign:
      ++counts_.delivered;
      break;
    case RecordKind::ack:
      ++counts_.acknowledged;
      break;
    default:
      break;
  }
}

Result<void> Recorder::write_until(std::int64_t monotonic) {
  const auto due = std::stable_partition(pending_.begin(), pending_.end(),
                                         [&](const Pending& each) { return each.time < monotonic; });
  std::sort(pending_.begin(), due, [](const Pending& a, const Pending& b) {
    return a.time != b.time ? a.time < b.time : a.arrival < b.arrival;
  });
  for (auto each = pending_.begin(); each != due; ++each) {
    BOOST_OUTCOME_TRY(write(*each));
  }
  pending_.erase(pending_.begin(), due);
  return writer_.flush();
}

void Recorder::drop_records_from(std::int64_t monotonic) {
  std::erase_if(pending_, [&](const Pending& each) {
    return each.time >= monotonic && std::holds_alternative<Record>(each.what);
  });
}

Result<void> Recorder::finish() { return write_until(INT64_MAX); }

Result<void> Recorder::write(const Pending& pending) {
  last_time_ = std::max(last_time_, pending.time - began_);
  if (const auto* record = std::get_if<Record>(&pending.what)) return write_record(pending.worker, *record, last_time_);
  const auto& event = std::get<OtherEvent>(pending.what);
  return writer_.append(last_time_, event.process, event.type, event.f, event.fields);
}

Result<void> Recorder::write_record(std::uint16_t worker, const Record& record, std::int64_t time) {
  const Shape known = shape(record.kind);
  Event event;
  event.time = time;
  event.process = workers_[worker];
  event.type = known.type;
  event.f = known.f;
  event.value = known.value;
  event.error = to_text(record.error);
  const Text id = record.kind == RecordKind::deliver_foreign ? Text{"foreign-{}-{}", worker, record.seq}
                                                             : Text{"p{}-{}", record.producer, record.seq};
  const Text key{"k{}", record.key};
  const Text producer{"producer-{}", record.producer};
  const Text channel{"{}/{}", event.process, record.channel};
  const auto& queues = topology_.queues;
  const std::string_view queue = record.queue < queues.size() ? std::string_view{queues[record.queue].name} : "";
  const auto& destination = topology_.destination(record.seq);
  switch (known.f) {
    case Subject::publish:
      event.op = static_cast<std::int64_t>(record.op);
      event.id = id.view();
      event.attempt = record.attempt;
      if (known.type != Type::invoke) break;
      event.key = key.view();
      event.seq = static_cast<std::int64_t>(record.seq);
      event.intended = std::max<std::int64_t>(0, record.intended - began_);
      event.has_exchange = !destination.exchange.empty();
      event.exchange = destination.exchange;
      (event.has_exchange ? event.routing_key : event.queue) = destination.routing_key;
      break;
    case Subject::sink:
      event.id = id.view();
      event.queue = queue;
      event.value = to_text(record.sink);
      break;
    case Subject::deliver:
      event.id = id.view();
      event.queue = queue;
      event.channel = channel.view();
      event.tag = static_cast<std::int64_t>(record.op);
      event.redelivered = (record.flags & Record::redelivered) != 0;
      if (record.kind == RecordKind::deliver_foreign) break;
      event.attempt = record.attempt;
      event.producer = producer.view();
      event.key = key.view();
      event.seq = static_cast<std::int64_t>(record.seq);
      break;
    case Subject::effect:
      event.id = id.view();
      event.key = id.view();
      event.queue = queue;
      break;
    case Subject::ack:
    case Subject::nack:
    case Subject::reject:
      event.requeue = (record.flags & Record::requeue) != 0;
      event.channel = channel.view();
      event.tag = static_cast<std::int64_t>(record.op);
      event.multiple = (record.flags & Record::multiple) != 0;
      break;
    default:
      break;
  }
  return writer_.append(event);
}

}  // namespace troop::controller
