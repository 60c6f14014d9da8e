// BrokerControl for a broker that others run: as far as the management API reaches, and no further than the run's own.
#pragma once

#include "agents/rabbitmq/client.hpp"
#include "agents/rabbitmq/control.hpp"
#include "agents/rabbitmq/management.hpp"

namespace troop::agents {

class ManagementControl : public BrokerControl {
 public:
  /// `stopping` ends all waiting when it becomes true; it outlives this object.
  ManagementControl(ManagementApi api, AmqpAddress address, const bool& stopping)
      : api_(std::move(api)), address_(std::move(address)), stopping_(stopping) {}

  /// Connections whose client property troop_run is `run` are the run's; all others are left alone. `clients` are the
  /// names under which the run's workers connect.
  void own_connections_of(std::string run, std::vector<std::string> clients) {
    run_ = std::move(run);
    clients_ = std::move(clients);
  }

  /// These reach everybody on the broker, or cannot be done: always an error.
  Answer<BrokerLimits> limits() override;
  Answer<BrokerLimits> set_memory_limit(boost::json::value limit, bool alarm) override;
  Answer<BrokerLimits> set_disk_limit(std::int64_t bytes, bool alarm) override;
  Answer<ClosedByBroker> close_channels(std::string client) override;
  Answer<void> suspend_listeners() override;
  Answer<void> resume_listeners() override;
  Answer<void> stop_application() override;
  Answer<void> start_application() override;

  /// Only of the run's own workers.
  Answer<ClosedByBroker> close_connections(std::string client, std::string reason) override;
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

 private:
  struct Connection {
    std::string name, client;
  };
  Answer<std::vector<Connection>> connections();
  /// The API tells of a new connection only after some seconds: waits until each client that is meant has one there, as
  /// long as that can take.
  Answer<std::vector<Connection>> connections_of(std::string client);
  Answer<boost::json::array> bindings(std::string path);
  /// The API tells of a queue's new policy only after some seconds: waits for that as long as it can take.
  Answer<boost::json::value> look_at_queue(std::string path);
  Answer<void> bind_all(const boost::json::value& bindings);
  /// Ready messages, counted by the queue itself: the API's own count is seconds old.
  Answer<std::int64_t> ready(std::string queue);

  ManagementApi api_;
  AmqpAddress address_;
  const bool& stopping_;
  std::string run_;
  std::vector<std::string> clients_;
  std::string policy_;  ///< The last one that was set; empty once one was deleted.
  std::int64_t policy_told_by_ = 0;
};

}  // namespace troop::agents
