-- Health of a SpicepodCluster, from its conditions.
local function result(status, message)
  return { status = status, message = message }
end

if obj.metadata.deletionTimestamp ~= nil then
  return result("Progressing", "The cluster is being deleted.")
end

local status = obj.status
if status == nil or status.conditions == nil then
  return result("Progressing", "The operator has not seen the cluster yet.")
end
if status.observedGeneration ~= obj.metadata.generation then
  return result("Progressing", "The operator has not seen this generation yet.")
end

local conditions = {}
for _, condition in ipairs(status.conditions) do
  conditions[condition.type] = condition
end
local function holds(name)
  local condition = conditions[name]
  return condition ~= nil and condition.status == "True"
end
local function say(condition)
  return (condition.reason or "") .. ": " .. (condition.message or "")
end

if holds("Paused") then
  -- By the user, or since there are no executors; a crash loop is no wish.
  if conditions.Paused.reason == "CrashLooping" then
    return result("Degraded", say(conditions.Paused))
  end
  return result("Suspended", say(conditions.Paused))
end
if holds("Stalled") then
  return result("Degraded", say(conditions.Stalled))
end
if holds("Degraded") then
  return result("Degraded", say(conditions.Degraded))
end
if holds("Progressing") then
  return result("Progressing", say(conditions.Progressing))
end
if holds("Ready") then
  return result("Healthy", say(conditions.Ready))
end
local ready = conditions.Ready
if ready == nil then
  return result("Progressing", "The operator has not judged the cluster yet.")
end
if ready.reason == "NoExecutors" then
  return result("Suspended", say(ready))
end
return result("Progressing", say(ready))
