// SPDX-License-Identifier: Apache-2.0
#include "tests/images/tree.h"

#include <algorithm>
#include <set>

namespace ballast::images {
namespace {

std::string name_of(const std::string &path) {
    return path.substr(path.rfind('/') + 1); // npos + 1 is 0
}

std::string joined(const std::string &directory, const std::string &name) {
    return directory.empty() ? name : directory + "/" + name;
}

// The file lives on under its other names: the first of them becomes the entry that holds it.
void hand_over_links(Tree &tree, const std::string &target, const Entry &file) {
    const auto is_link = [&](const auto &item) {
        return item.second.kind == Kind::kHardLink && item.second.target == target;
    };
    const auto heir = std::ranges::find_if(tree, is_link);
    if (heir == tree.end()) {
        return;
    }
    Entry inherited = file;
    inherited.path = heir->first;
    heir->second = std::move(inherited);
    for (auto &[path, entry] : tree) {
        if (entry.kind == Kind::kHardLink && entry.target == target) {
            entry.target = heir->first;
        }
    }
}

void remove_one(Tree &tree, const std::string &path) {
    if (auto node = tree.extract(path); !node.empty() && node.mapped().kind == Kind::kFile) {
        hand_over_links(tree, path, node.mapped());
    }
}

void remove_children(Tree &tree, const std::string &directory) {
    const std::string prefix = directory.empty() ? "" : directory + "/";
    std::vector<std::string> doomed;
    for (auto item = tree.lower_bound(prefix); item != tree.end() && item->first.starts_with(prefix); ++item) {
        doomed.push_back(item->first);
    }
    for (const std::string &path : doomed) {
        remove_one(tree, path);
    }
}

void remove_whole(Tree &tree, const std::string &path) {
    remove_children(tree, path);
    remove_one(tree, path);
}

// Unpackers apply the header of a link to the file that it names, so it has to say the same.
Status copy_link_metadata(std::vector<Entry> &entries) {
    for (Entry &entry : entries) {
        if (entry.kind != Kind::kHardLink) {
            continue;
        }
        const auto target = std::ranges::find(entries, entry.target, &Entry::path);
        if (target == entries.end() || target->kind != Kind::kFile) {
            return fail(EINVAL, "hard link " + entry.path + ": " + entry.target + " is not a file of the same layer");
        }
        entry.mode = target->mode;
        entry.user = target->user;
        entry.group = target->group;
    }
    return {};
}

bool is_whiteout(const Entry &entry) { return name_of(entry.path).starts_with(kWhiteoutPrefix); }

// Whiteouts speak about the layers below only, wherever they stand in the archive: they go first.
void apply_whiteout(Tree &tree, const std::string &path) {
    const std::string directory = parent_of(path);
    const std::string name = name_of(path);
    if (name == kOpaqueMarker) {
        remove_children(tree, directory);
    } else {
        remove_whole(tree, joined(directory, name.substr(kWhiteoutPrefix.size())));
    }
}

} // namespace

std::string parent_of(const std::string &path) {
    const size_t slash = path.rfind('/');
    return slash == std::string::npos ? "" : path.substr(0, slash);
}

Status apply_layer(Tree &tree, const std::vector<Entry> &layer) {
    for (const Entry &entry : layer) {
        if (is_whiteout(entry)) {
            apply_whiteout(tree, entry.path);
        }
    }
    for (Entry entry : layer) {
        if (is_whiteout(entry)) {
            continue;
        }
        const auto old = tree.find(entry.path);
        const bool keeps_children =
            old != tree.end() && old->second.kind == Kind::kDirectory && entry.kind == Kind::kDirectory;
        if (!keeps_children) {
            remove_whole(tree, entry.path);
        }
        if (entry.kind == Kind::kHardLink) {
            const auto target = tree.find(entry.target);
            if (target == tree.end() || target->second.kind == Kind::kDirectory) {
                return fail(EINVAL, "hard link " + entry.path + ": " + entry.target + " is not a file of the image");
            }
            if (target->second.kind == Kind::kHardLink) {
                entry.target = target->second.target;
            }
        }
        std::string path = entry.path;
        tree.insert_or_assign(std::move(path), std::move(entry));
    }
    return {};
}

Result<std::vector<Entry>> complete_layer(std::vector<Entry> entries, const Tree &below) {
    std::set<std::string> named;
    for (const Entry &entry : entries) {
        if (!named.insert(entry.path).second) {
            return fail(EINVAL, entry.path + " occurs twice in one layer");
        }
    }
    for (size_t index = 0; index < entries.size(); ++index) {
        const std::string parent = parent_of(entries[index].path);
        if (parent.empty() || !named.insert(parent).second) {
            continue;
        }
        const auto known = below.find(parent);
        if (known != below.end() && known->second.kind == Kind::kDirectory) {
            entries.push_back(known->second);
        } else {
            entries.push_back({.path = parent, .kind = Kind::kDirectory, .mode = 0755});
        }
    }
    TRY(copy_link_metadata(entries));
    std::ranges::sort(entries, {}, [](const Entry &entry) {
        return std::pair<bool, const std::string &>(entry.kind == Kind::kHardLink, entry.path);
    });
    return entries;
}

} // namespace ballast::images
