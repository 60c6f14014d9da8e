#include "agents/workers/config.hpp"

#include <unistd.h>

#include <boost/json.hpp>
#include <cerrno>
#include <chrono>
#include <limits>

namespace troop::agents {
namespace {

namespace json = boost::json;
using model::Consume;
using model::Publish;
using model::Queue;

constexpr std::string_view confirm_names[] = {"none", "simple", "correlated"};
constexpr std::string_view ack_names[] = {"none", "manual", "auto"};
constexpr std::string_view queue_names[] = {"classic", "quorum"};
constexpr std::string_view role_names[] = {"producer", "consumer"};

template <class Enum, std::size_t n>
json::string name_of(Enum value, const std::string_view (&names)[n]) {
  return json::string{names[static_cast<std::size_t>(value)]};
}

/// Takes members out of an object and remembers the first one that is missing or wrong.
class Members {
 public:
  explicit Members(const json::value* value) : object_(value != nullptr ? value->if_object() : nullptr) {
    if (object_ == nullptr) complaint_ = "not an object";
  }

  [[nodiscard]] Members inner(std::string_view name) const {
    Members members{object_ != nullptr ? object_->if_contains(name) : nullptr};
    if (!members.complaint_.empty()) members.complaint_ = std::string{name} + ": " + members.complaint_;
    return members;
  }
  void text(std::string_view name, std::string& out) {
    const json::value* value = find(name);
    if (value == nullptr) return;
    if (const json::string* found = value->if_string()) {
      out.assign(found->data(), found->size());
    } else {
      wrong(name);
    }
  }
  void flag(std::string_view name, bool& out) {
    const json::value* value = find(name);
    if (value == nullptr) return;
    if (const bool* found = value->if_bool()) {
      out = *found;
    } else {
      wrong(name);
    }
  }
  template <class Integer>
  void integer(std::string_view name, Integer& out, Integer least, Integer most = std::numeric_limits<Integer>::max()) {
    const json::value* value = find(name);
    if (value == nullptr) return;
    boost::system::error_code error;
    const auto number = value->to_number<Integer>(error);
    if (error || !value->is_number() || value->is_double() || number < least || number > most) return wrong(name);
    out = number;
  }
  void duration(std::string_view name, Duration& out) {
    std::int64_t ns = 0;
    integer<std::int64_t>(name, ns, 0);
    out = Duration{ns};
  }
  void number(std::string_view name, double& out, double least) {
    const json::value* value = find(name);
    if (value == nullptr) return;
    boost::system::error_code error;
    const double found = value->to_number<double>(error);
    if (error || !(found >= least) || found > 1e12) return wrong(name);
    out = found;
  }
  template <class Enum, std::size_t n>
  void choice(std::string_view name, Enum& out, const std::string_view (&names)[n]) {
    std::string found;
    text(name, found);
    for (std::size_t i = 0; i < n; ++i) {
      if (names[i] == found) {
        out = static_cast<Enum>(i);
        return;
      }
    }
    wrong(name);
  }
  void join(const Members& part) {
    if (complaint_.empty()) complaint_ = part.complaint_;
  }
  [[nodiscard]] const std::string& complaint() const { return complaint_; }

 private:
  const json::value* find(std::string_view name) {
    const json::value* value = object_ != nullptr ? object_->if_contains(name) : nullptr;
    if (value == nullptr && complaint_.empty()) complaint_ = std::string{name} + " is missing";
    return value;
  }
  void wrong(std::string_view name) {
    if (complaint_.empty()) complaint_ = std::string{name} + " is wrong";
  }

  const json::object* object_;
  std::string complaint_;
};

json::object workload_json(const model::Workload& workload) {
  const auto& retry = workload.publish.retry;
  return {
      {"producers", workload.producers},
      {"consumers", workload.consumers},
      {"rate", workload.rate},
      {"payload_bytes", workload.payload_bytes},
      {"keys", workload.keys},
      {"queue",
       {{"name", workload.queue.name},
        {"type", name_of(workload.queue.type, queue_names)},
        {"durable", workload.queue.durable}}},
      {"publish",
       {{"persistent", workload.publish.persistent},
        {"confirm", name_of(workload.publish.confirm, confirm_names)},
        {"window", workload.publish.window},
        {"mandatory", workload.publish.mandatory},
        {"retry",
         {{"attempts", retry.attempts},
          {"initial_ns", retry.initial.count()},
          {"multiplier", retry.multiplier},
          {"max_ns", retry.max.count()},
          {"jitter", retry.jitter},
          {"timeout_ns", retry.timeout.count()}}}}},
      {"consume",
       {{"ack", name_of(workload.consume.ack, ack_names)},
        {"prefetch", workload.consume.prefetch},
        {"work_ns", workload.consume.work.count()}}},
  };
}

std::string read_workload(Members members, model::Workload& workload) {
  members.integer<std::int64_t>("producers", workload.producers, 0, 65535);
  members.integer<std::int64_t>("consumers", workload.consumers, 0, 65535);
  members.number("rate", workload.rate, 0);
  members.integer<std::int64_t>("payload_bytes", workload.payload_bytes, 0, 128 << 20);
  members.integer<std::int64_t>("keys", workload.keys, 1, std::numeric_limits<std::int32_t>::max());

  Members queue = members.inner("queue");
  queue.text("name", workload.queue.name);
  queue.choice("type", workload.queue.type, queue_names);
  queue.flag("durable", workload.queue.durable);

  Members publish = members.inner("publish");
  publish.flag("persistent", workload.publish.persistent);
  publish.choice("confirm", workload.publish.confirm, confirm_names);
  publish.integer<std::int64_t>("window", workload.publish.window, 1, 1'000'000);
  publish.flag("mandatory", workload.publish.mandatory);

  Members retry = publish.inner("retry");
  retry.integer<std::int64_t>("attempts", workload.publish.retry.attempts, 1, 65535);
  retry.duration("initial_ns", workload.publish.retry.initial);
  retry.number("multiplier", workload.publish.retry.multiplier, 1);
  retry.duration("max_ns", workload.publish.retry.max);
  retry.number("jitter", workload.publish.retry.jitter, 0);
  retry.duration("timeout_ns", workload.publish.retry.timeout);

  Members consume = members.inner("consume");
  consume.choice("ack", workload.consume.ack, ack_names);
  consume.integer<std::int64_t>("prefetch", workload.consume.prefetch, 0, 65535);
  consume.duration("work_ns", workload.consume.work);

  for (const Members* part : {&queue, &publish, &retry, &consume}) members.join(*part);
  return members.complaint();
}

}  // namespace

std::string worker_name(const WorkerConfig& config) {
  return config.role == WorkerConfig::Role::producer ? model::producer_name(config.number)
                                                     : model::consumer_name(config.number);
}

WorkerConfig worker_config(WorkerConfig::Role role, std::int64_t number, const model::Workload& workload) {
  WorkerConfig config;
  config.role = role;
  config.number = number;
  config.workload = workload;
  if (role == WorkerConfig::Role::producer && workload.producers > 0) {
    config.rate = workload.rate / static_cast<double>(workload.producers);
  }
  return config;
}

std::vector<std::uint32_t> owned_keys(const WorkerConfig& config) {
  const std::int64_t step = config.workload.producers > 0 ? config.workload.producers : 1;
  std::vector<std::uint32_t> keys;
  for (std::int64_t key = config.number; key <= config.workload.keys; key += step) {
    keys.push_back(static_cast<std::uint32_t>(key));
  }
  if (keys.empty()) keys.push_back(static_cast<std::uint32_t>(config.number));
  return keys;
}

std::string to_json(const WorkerConfig& config) {
  const json::object object{
      {"role", name_of(config.role, role_names)},
      {"number", config.number},
      {"host", config.host},
      {"port", config.port},
      {"vhost", config.vhost},
      {"user", config.user},
      {"password", config.password},
      {"rate", config.rate},
      {"start_ns", config.start_ns},
      {"seed", config.seed},
      {"workload", workload_json(config.workload)},
  };
  return json::serialize(object);
}

Result<WorkerConfig> worker_config_from_json(std::string_view text) {
  boost::system::error_code error;
  json::parse_options options;
  options.max_depth = 8;
  const json::value value = json::parse({text.data(), text.size()}, error, {}, options);
  if (error) return usage_error("worker configuration: not JSON");

  WorkerConfig config;
  Members members{&value};
  members.choice("role", config.role, role_names);
  members.integer<std::int64_t>("number", config.number, 1, 65535);
  members.text("host", config.host);
  members.integer<std::uint16_t>("port", config.port, 1);
  members.text("vhost", config.vhost);
  members.text("user", config.user);
  members.text("password", config.password);
  members.number("rate", config.rate, 0);
  members.integer<std::int64_t>("start_ns", config.start_ns, 0);
  members.integer<std::uint64_t>("seed", config.seed, 0);
  std::string complaint = members.complaint();
  if (complaint.empty()) complaint = read_workload(members.inner("workload"), config.workload);
  if (!complaint.empty()) return usage_error("worker configuration: " + complaint);
  return config;
}

Result<WorkerConfig> read_worker_config(int fd) {
  std::string text;
  char chunk[4096];
  for (;;) {
    const ssize_t got = read(fd, chunk, sizeof chunk);
    if (got == 0) break;
    if (got < 0) {
      if (errno == EINTR) continue;
      return system_error(ErrorKind::usage, "worker configuration: read", errno);
    }
    text.append(chunk, static_cast<std::size_t>(got));
    if (text.size() > WorkerConfig::bytes_max) return usage_error("worker configuration: longer than 64 KiB");
  }
  return worker_config_from_json(text);
}

}  // namespace troop::agents
