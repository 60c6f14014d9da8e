// BrokerControl for a broker whose Erlang node can be asked: the managed one.
#pragma once

#include "agents/rabbitmq/client.hpp"
#include "agents/rabbitmq/control.hpp"
#include "agents/rabbitmq/erlang_node.hpp"

namespace troop::agents {

class ErlangControl : public BrokerControl {
 public:
  /// `address` is where its clients connect. `stopping` ends all waiting when it becomes true; it outlives this object.
  ErlangControl(ErlangNode node, AmqpAddress address, const bool& stopping)
      : node_(std::move(node)), address_(std::move(address)), stopping_(stopping) {}

  Answer<BrokerLimits> limits() override;
  Answer<BrokerLimits> set_memory_limit(boost::json::value limit, bool alarm) override;
  Answer<BrokerLimits> set_disk_limit(std::int64_t bytes, bool alarm) override;
  Answer<ClosedByBroker> close_connections(std::string client, std::string reason) override;
  Answer<ClosedByBroker> close_channels(std::string client) override;
  Answer<std::optional<Definition>> queue(std::string name) override;
  Answer<std::optional<std::int64_t>> delete_queue(std::string name) override;
  Answer<std::optional<std::int64_t>> purge_queue(std::string name) override;
  Answer<void> declare_queue(Definition definition) override;
  Answer<std::optional<Definition>> exchange(std::string name) override;
  Answer<bool> delete_exchange(std::string name) override;
  Answer<void> declare_exchange(Definition definition) override;
  Answer<void> bind(Definition binding) override;
  Answer<void> unbind(Definition binding) override;
  Answer<std::optional<Definition>> policy(std::string name) override;
  Answer<void> set_policy(Definition definition) override;
  Answer<void> delete_policy(std::string name) override;
  Answer<bool> accepts_clients() override;
  Answer<void> suspend_listeners() override;
  Answer<void> resume_listeners() override;
  Answer<void> stop_application() override;
  Answer<void> start_application() override;

 private:
  Answer<boost::json::value> ask(const char* body, Definition arguments);
  /// For what only has to be done: the body's value must be true.
  Answer<void> tell(const char* body, Definition arguments);

  ErlangNode node_;
  AmqpAddress address_;
  const bool& stopping_;
};

}  // namespace troop::agents
