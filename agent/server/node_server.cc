// SPDX-License-Identifier: Apache-2.0
#include "agent/server/node_server.h"

#include "base/http/listener.h"
#include "base/log.h"
#include "base/quote.h"

namespace ballast::agent {
namespace {

constexpr http::Limits kLimits{.connections = 256};

bool is_get(const http::Exchange &exchange) {
    return exchange.request().method == "GET" || exchange.request().is_head();
}

bool is_stream(const http::Exchange &exchange) {
    return exchange.request().method == "GET" || exchange.request().method == "POST";
}

} // namespace

Result<std::unique_ptr<NodeServer>> NodeServer::start(const ServerConfig &config, const std::string &node_name,
                                                      const ServingCertificate &certificate, ApiServer &api,
                                                      ServerWorld world) {
    std::unique_ptr<NodeServer> server(new NodeServer(config, node_name, api, std::move(world)));
    TRY(server->open(config, certificate).within("the node's server"));
    return server;
}

NodeServer::~NodeServer() = default;

Status NodeServer::open(const ServerConfig &config, const ServingCertificate &certificate) {
    std::vector<Fd> plain, secure;
    if (config.health_port != 0) {
        plain.push_back(TRY(http::listen_tcp(config.health_address, static_cast<std::uint16_t>(config.health_port))));
    }
    secure.push_back(TRY(http::listen_tcp(config.address, static_cast<std::uint16_t>(config.port))));
    port_ = TRY(http::port_of(secure.front()));
    server_ = std::make_unique<http::Server>(
        TRY(http::Server::start(std::move(plain), [this](http::Exchange &exchange) { serve(exchange); }, kLimits)));
    front_ = TRY(http::TlsFront::start(std::move(secure), files(certificate), [this](Fd connection, http::Peer client) {
        server_->take(std::move(connection), std::move(client));
    }));
    return {};
}

http::TlsFiles NodeServer::files(const ServingCertificate &certificate) const {
    return {.authorities = authorities_,
            .certificate = certificate.certificate,
            .key = certificate.key,
            .strangers = true}; // who may show a token
}

void NodeServer::use(const ServingCertificate &certificate) { front_->use(files(certificate)); }

void NodeServer::serve(http::Exchange &exchange) {
    const PathParts parts = parts_of(exchange.request().path);
    if (!exchange.peer().tls && parts.front() != "healthz") {
        refuse(exchange, 404, "nothing but /healthz is answered here; ask port " + std::to_string(port_) + " by TLS");
        return;
    }
    if (exchange.peer().tls) {
        if (const Status may = authorise(exchange); !may.has_value()) {
            refuse(exchange, may.error());
            return;
        }
    }
    if (const Status done = route(exchange, parts); !done.has_value()) {
        log::debug("request " + exchange.request().method + " " + quote(exchange.request().path) + ": " +
                   done.error().message);
        refuse(exchange, done.error());
    }
}

Status NodeServer::authorise(http::Exchange &exchange) {
    const http::Request &request = exchange.request();
    const http::HangupWatch::Watched client = exchange.watch_client();
    const User user = TRY(access_.who(exchange.peer(), request.header("Authorization"), client.token()));
    return access_.may(user, attributes_of(request.method, request.path), client.token());
}

Status NodeServer::route(http::Exchange &exchange, const PathParts &parts) {
    const std::string &what = parts.front();
    const std::size_t count = parts.size();
    if (what == "healthz" && count == 1 && is_get(exchange)) {
        TRY(world_.healthy());
        return exchange.answer(200, {{"Content-Type", "text/plain; charset=utf-8"}}, "ok");
    }
    if (what == "pods" && (count == 1 || (count == 2 && parts[1].empty())) && is_get(exchange)) {
        return serve_pods(exchange, world_);
    }
    if (what == "metrics" && count == 1 && is_get(exchange)) {
        return serve_metrics(exchange, world_);
    }
    if (what == "metrics" && count == 2 && parts[1] == "resource" && is_get(exchange)) {
        return serve_resource_metrics(exchange, world_);
    }
    if (what == "stats" && count == 2 && parts[1] == "summary" && is_get(exchange)) {
        return serve_summary(exchange, world_);
    }
    if (what == "containerLogs" && count == 4 && is_get(exchange)) {
        return serve_log(exchange, world_, parts);
    }
    if (what == "exec" && (count == 4 || count == 5) && is_stream(exchange)) {
        return serve_exec(exchange, world_, parts);
    }
    if (what == "attach" && (count == 4 || count == 5) && is_stream(exchange)) {
        return serve_attach(exchange, world_, parts);
    }
    if (what == "portForward" && (count == 3 || count == 4) && is_stream(exchange)) {
        return serve_forward(exchange, world_, parts);
    }
    return fail(ENOENT, "404 page not found");
}

} // namespace ballast::agent
