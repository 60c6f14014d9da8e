#include "agents/rabbitmq/attached_broker.hpp"

#include <fmt/format.h>

#include "agents/host/process.hpp"
#include "agents/host/tcp.hpp"

namespace troop::agents {
namespace {

constexpr Duration answer_max = std::chrono::milliseconds{500};
constexpr Duration look_interval = std::chrono::milliseconds{50};

}  // namespace

Result<std::unique_ptr<AttachedBroker>> AttachedBroker::create(const model::Broker& wanted,
                                                               const model::WorkloadNames& names,
                                                               const std::string& mark, const bool& stopping) {
  if (!wanted.attach) return usage_error("the broker is not an attached one");
  auto addresses = read_addresses(*wanted.attach);
  if (addresses.has_error()) return std::move(addresses).error().within("attached broker");
  std::unique_ptr<AttachedBroker> broker{new AttachedBroker{wanted, names, mark, addresses.value(), stopping}};
  return broker;
}

AttachedBroker::AttachedBroker(const model::Broker& wanted, const model::WorkloadNames& names, const std::string& mark,
                               BrokerAddresses addresses, const bool& stopping)
    : start_timeout_(wanted.start_timeout),
      addresses_(std::move(addresses)),
      stopping_(stopping),
      vhost_(ManagementApi{addresses_.management, wanted.attach->vhost}, addresses_.amqp.user, *wanted.attach, names,
             mark),
      control_(ManagementApi{addresses_.management, wanted.attach->vhost}, addresses_.amqp, stopping) {}

boost::asio::awaitable<Result<void>> AttachedBroker::ready() {
  const std::int64_t deadline = monotonic_ns() + start_timeout_.count();
  while (!stopping_ && monotonic_ns() < deadline) {
    const AmqpAnswer answer = co_await ask_amqp(addresses_.amqp, answer_max);
    if (answer == AmqpAnswer::ready) co_return success();
    co_await pause_for(look_interval);
  }
  if (stopping_) co_return Error{ErrorKind::cancelled, "waiting for the broker was ended"};
  co_return Error{ErrorKind::unrestored,
                  fmt::format("the attached broker did not answer AMQP on {}:{} within {}", addresses_.host,
                              addresses_.amqp.port, model::to_text(start_timeout_))};
}

}  // namespace troop::agents
