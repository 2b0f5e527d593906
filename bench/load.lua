-- What wrk sends. Arguments: the action, the file of users ("token etag id,id,... user" a line), "count" to count
-- the statuses of the answers, which costs the client a little, and whose API it is.

local apis = {
  taskward = {
    tasks = "/tasks",
    list = "/tasks?limit=20",
    create = '{"title": "Buy milk", "description": "Two litres"}',
  },
  pocketbase = {
    tasks = "/api/collections/tasks/records",
    list = "/api/collections/tasks/records?perPage=20&sort=-created",
    create = '{"title": "Buy milk", "description": "Two litres", "owner": "%s"}',
  },
}
local action, path, counting, api

local users = {}
statuses = {}
handle = nil

function setup(thread)
  handle = thread
end

function init(args)
  action, path, counting, api = args[1], args[2], args[3], apis[args[4]]
  math.randomseed(os.time())
  for line in io.lines(path) do
    local token, tag, ids, id_of_user = line:match("^(%S+) (%S+) (%S+) (%S+)$")
    local user = { ids = {}, tag = tag, new_task = api.create:format(id_of_user) }
    user.head = " HTTP/1.1\r\nHost: " .. wrk.host .. "\r\nAuthorization: Bearer " .. token .. "\r\n"
    for id in ids:gmatch("[^,]+") do
      user.ids[#user.ids + 1] = id
    end
    users[#users + 1] = user
  end
  if counting ~= "count" then
    response = nil
  end
end

local function with_body(method, path, user, body)
  return method .. " " .. path .. user.head .. "Content-Type: application/json\r\nContent-Length: " .. #body
    .. "\r\n\r\n" .. body
end

local function a_task(user)
  return api.tasks .. "/" .. user.ids[math.random(#user.ids)]
end

local actions = {}

function actions.read(user)
  return "GET " .. a_task(user) .. user.head .. "\r\n"
end

function actions.list(user)
  return "GET " .. api.list .. user.head .. "\r\n"
end

function actions.unchanged(user)
  return "GET " .. api.list .. user.head .. "If-None-Match: " .. user.tag .. "\r\n\r\n"
end

function actions.create(user)
  return with_body("POST", api.tasks, user, user.new_task)
end

function actions.update(user)
  return with_body("PATCH", a_task(user), user, '{"title": "Buy bread ' .. math.random(1000000) .. '"}')
end

function actions.complete(user)
  return "PATCH " .. a_task(user) .. "/complete" .. user.head .. "\r\n"
end

local writes = { "create", "update", "complete" }

function actions.mix(user)
  local chance = math.random(100)
  local chosen = chance <= 70 and "read" or chance <= 90 and "list" or writes[math.random(3)]
  return actions[chosen](user)
end

function request()
  return actions[action](users[math.random(#users)])
end

function response(status)
  statuses[status] = (statuses[status] or 0) + 1
end

function done(summary, latency)
  local errors = summary.errors
  local counts = {}
  for status, count in pairs(handle:get("statuses")) do
    counts[#counts + 1] = string.format('"%d": %d', status, count)
  end
  print(string.format(
    '{"requests": %d, "seconds": %f, "failed": %d, "p50": %f, "p95": %f, "p99": %f, "statuses": {%s}}',
    summary.requests, summary.duration / 1e6,
    errors.connect + errors.read + errors.write + errors.timeout + errors.status,
    latency:percentile(50) / 1e3, latency:percentile(95) / 1e3, latency:percentile(99) / 1e3,
    table.concat(counts, ", ")
  ))
end
