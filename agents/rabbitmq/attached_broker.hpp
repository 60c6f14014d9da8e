// A RabbitMQ that others run: found by references, used in one vhost, steered by its management API.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <memory>
#include <string>

#include "agents/rabbitmq/borrowed_vhost.hpp"
#include "agents/rabbitmq/management_control.hpp"
#include "scenarios/model/scenario.hpp"

namespace troop::agents {

class AttachedBroker {
 public:
  /// Reads the references; `wanted` has an attachment. Blocks while a host name is looked up. `mark` is any text that
  /// no other run has; `stopping` ends all waiting when it becomes true. Errors: usage.
  static Result<std::unique_ptr<AttachedBroker>> create(const model::Broker& wanted, const model::WorkloadNames& names,
                                                        const std::string& mark, const bool& stopping);

  [[nodiscard]] const AmqpAddress& address() const { return addresses_.amqp; }
  [[nodiscard]] BorrowedVhost& vhost() { return vhost_; }
  [[nodiscard]] ManagementControl& control() { return control_; }
  /// Waits until it answers AMQP, for `start_timeout` at most. Errors: unrestored, cancelled.
  boost::asio::awaitable<Result<void>> ready();

 private:
  AttachedBroker(const model::Broker& wanted, const model::WorkloadNames& names, const std::string& mark,
                 BrokerAddresses addresses, const bool& stopping);

  Duration start_timeout_;
  BrokerAddresses addresses_;
  const bool& stopping_;
  BorrowedVhost vhost_;
  ManagementControl control_;
};

}  // namespace troop::agents
