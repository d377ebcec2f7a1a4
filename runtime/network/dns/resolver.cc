// SPDX-License-Identifier: Apache-2.0
#include "runtime/network/dns/resolver.h"

namespace ballast::dns {

Resolver::Resolver(std::filesystem::path resolv_conf_of_host) : host_(std::move(resolv_conf_of_host)) {}

Resolver::~Resolver() {
    if (loop_ != nullptr) {
        const std::scoped_lock lock(loop_->mutex());
        clients_.clear();
    }
}

Status Resolver::attach(const std::string &container, Sockets sockets, ClientSettings settings) {
    const std::scoped_lock lock(mutex_);
    if (loop_ == nullptr) {
        loop_ = TRY(EventLoop::create());
    }
    const std::scoped_lock running(loop_->mutex());
    clients_.erase(container);
    auto client = std::make_unique<Client>(*loop_, names_, host_, std::move(sockets));
    client->update(std::move(settings));
    TRY(client->start());
    clients_[container] = std::move(client);
    return {};
}

void Resolver::update(const std::string &container, ClientSettings settings) {
    const std::scoped_lock lock(mutex_);
    if (loop_ == nullptr) {
        return;
    }
    const std::scoped_lock running(loop_->mutex());
    if (const auto client = clients_.find(container); client != clients_.end()) {
        client->second->update(std::move(settings));
    }
}

void Resolver::detach(const std::string &container) {
    const std::scoped_lock lock(mutex_);
    if (loop_ != nullptr) {
        const std::scoped_lock running(loop_->mutex());
        clients_.erase(container);
    }
}

} // namespace ballast::dns
