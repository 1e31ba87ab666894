"""The link templates in GitHub's JSON of people and repositories; clients' strict models ask for all of them.

A user's are paths below `/users/{login}/`; a repository's are `field:path` below `/repos/{owner}/{name}/`.
"""

from __future__ import annotations

USER_LINKS = """
followers following{/other_user} gists{/gist_id} starred{/owner}{/repo} subscriptions orgs repos
events{/privacy} received_events
"""
REPOSITORY_LINKS = """
archive:{archive_format}{/ref} assignees:assignees{/user} blobs:git/blobs{/sha} branches:branches{/branch}
collaborators:collaborators{/collaborator} comments:comments{/number} commits:commits{/sha}
compare:compare/{base}...{head} contents:contents/{+path} contributors:contributors deployments:deployments
downloads:downloads events:events forks:forks git_commits:git/commits{/sha} git_refs:git/refs{/sha}
git_tags:git/tags{/sha} hooks:hooks issue_comment:issues/comments{/number}
issue_events:issues/events{/number} issues:issues{/number} keys:keys{/key_id} labels:labels{/name}
languages:languages merges:merges milestones:milestones{/number}
notifications:notifications{?since,all,participating} pulls:pulls{/number} releases:releases{/id}
stargazers:stargazers statuses:statuses/{sha} subscribers:subscribers subscription:subscription tags:tags
teams:teams trees:git/trees{/sha}
"""
